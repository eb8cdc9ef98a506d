"""Orders from files, scores into files."""

from rfm.io.orders import read_ids, scan_orders
from rfm.io.sources import STANDARD, FileFormat
from rfm.io.write import writer_for

__all__ = ["STANDARD", "FileFormat", "read_ids", "scan_orders", "writer_for"]
