DROP TABLE readings; DROP TABLE counters;
