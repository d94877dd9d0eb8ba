-- One writer: claims take turns by themselves.
SELECT 1;
