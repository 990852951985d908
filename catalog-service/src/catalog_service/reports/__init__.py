"""Reports: what people complain of, and what admins make of it."""
