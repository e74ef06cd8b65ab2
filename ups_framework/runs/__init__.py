"""What a run leaves behind: its folder, its tracking in Aim and its report."""
