"""What is called outside, and how it may answer."""
