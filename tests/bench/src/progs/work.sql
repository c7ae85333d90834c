-- The work of prog-sqlite: size.n orders of size.n / 8 customers, in memory.
PRAGMA temp_store = memory;
CREATE TABLE customer(id INTEGER PRIMARY KEY, name TEXT, town TEXT, credit REAL);
CREATE TABLE orders(id INTEGER PRIMARY KEY, customer INT, item TEXT, num INT, price REAL);

BEGIN;
INSERT INTO customer
WITH RECURSIVE c(i, r) AS (
  SELECT 1, 12345 UNION ALL
  SELECT i + 1, (r * 1103515245 + 12345) & 0x7fffffff FROM c, size WHERE i < n / 8)
SELECT i, printf('%s-%06x', substr('ANNBOBCATDANEVE', 1 + r / 65536 % 5 * 3, 3), r),
  char(65 + r / 1024 % 26, 97 + r / 4096 % 26, 97 + r / 16384 % 26), r / 65536 % 1000 / 10.0
FROM c;
INSERT INTO orders
WITH RECURSIVE c(i, r) AS (
  SELECT 1, 99991 UNION ALL
  SELECT i + 1, (r * 1103515245 + 12345) & 0x7fffffff FROM c, size WHERE i < n)
SELECT i, 1 + r / 32 % max(1, (SELECT n / 8 FROM size)),
  'item ' || (r / 65536 % 500), 1 + r / 128 % 9, (r / 4096 % 10000) / 100.0
FROM c;
COMMIT;

CREATE INDEX orders_customer ON orders(customer);
CREATE INDEX orders_item ON orders(item, price);
CREATE INDEX customer_town ON customer(town);

SELECT count(*), sum(num), round(sum(num * price), 2) FROM orders;
SELECT town, count(*), round(sum(num * price), 2) AS paid
FROM customer JOIN orders ON orders.customer = customer.id
GROUP BY town ORDER BY paid DESC LIMIT 5;
SELECT item, max(price), min(price), avg(num) FROM orders
GROUP BY item ORDER BY 2 DESC, item LIMIT 5;
SELECT count(*) FROM orders WHERE item LIKE '%7%' AND price BETWEEN 20 AND 80;
SELECT count(*) FROM customer
WHERE EXISTS (SELECT 1 FROM orders WHERE customer = customer.id AND num > 7);
SELECT sum(rank), max(paid) FROM (
  SELECT rank() OVER (PARTITION BY customer ORDER BY price) AS rank,
    sum(num) OVER (PARTITION BY customer ORDER BY id) AS paid
  FROM orders);

BEGIN;
UPDATE orders SET price = round(price * 1.07, 2) WHERE num > 5;
UPDATE customer SET credit = credit - (
  SELECT total(num) FROM orders WHERE customer = customer.id);
DELETE FROM orders WHERE id % 7 = 3;
COMMIT;
SELECT round(sum(credit), 1), sum(length(name)), count(DISTINCT town) FROM customer;
SELECT count(*), round(sum(price), 2) FROM orders;
PRAGMA integrity_check;
