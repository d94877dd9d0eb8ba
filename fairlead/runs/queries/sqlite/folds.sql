SELECT ahead_at, behind_at FROM run_folds WHERE name = 'runs'
