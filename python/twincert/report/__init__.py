"""What people read: tables for terminals, tables for notebooks, and the progress of a running computation."""
