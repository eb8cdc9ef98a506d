-- Would PostgreSQL let anybody update a customer? Explained, not done.
explain update /* slot customers */ public.customers set /* slot key */ id = default;
