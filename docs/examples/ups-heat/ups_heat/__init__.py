"""The heat equation as a plugin."""
