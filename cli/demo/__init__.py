"""The clip of the demo: a road, cars and plates drawn by this project, with their truth."""
