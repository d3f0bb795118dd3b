-- Behind `dumpdiff history init --roles`, as the owner: users for those who add and for those who look.
-- Passwords belong into a secret (PGPASSFILE), and are set by \password.
CREATE USER dumpdiff_pods IN ROLE dumpdiff_writer CONNECTION LIMIT 200;
CREATE USER dumpdiff_grafana IN ROLE dumpdiff_reader CONNECTION LIMIT 20;
ALTER USER dumpdiff_grafana SET default_transaction_read_only = on;
ALTER USER dumpdiff_grafana SET statement_timeout = '30s';
ALTER USER dumpdiff_grafana SET search_path = dumpdiff;
