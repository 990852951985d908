"""What Cat House is compared with: the same work by the shortest way, and by the usual ones. Each is a process."""
