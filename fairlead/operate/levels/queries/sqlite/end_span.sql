UPDATE service_spans SET last_at = {now}, ended = 'asked'
WHERE process = :process AND ended IS NULL AND last_at > {now} - :gap
