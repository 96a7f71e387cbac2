"""What keeps a site as it shall be when nobody looks: heals and sizes it from within."""
