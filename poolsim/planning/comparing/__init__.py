"""Two runs beside each other: what differs, and whether that can be chance."""
