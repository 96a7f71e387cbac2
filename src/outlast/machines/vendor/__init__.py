"""The vendor: plays a cloud's API for controllers, which run inside machines and cannot make machines themselves."""
