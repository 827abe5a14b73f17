"""Worker processes as the manager sees them: started, watched, spoken to, adopted again."""
