CREATE TABLE readings (
  device VARCHAR(64) NOT NULL,
  ts DATETIME(3) NOT NULL,
  temperature DOUBLE,
  humidity DOUBLE,
  PRIMARY KEY (device, ts)
);
CREATE TABLE demo (id BIGINT, name VARCHAR(32), temperature DOUBLE, humidity DOUBLE, ts DATETIME(3));
