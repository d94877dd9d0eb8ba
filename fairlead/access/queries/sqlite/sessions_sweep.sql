DELETE FROM sessions WHERE expires_at <= :at OR seen_at <= :idle_since
