"""What is installed on a cluster: overlays as they are rendered, and what they promise."""
