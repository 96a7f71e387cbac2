"""The lab: machines of systemd-nspawn on one Linux box, each an overlay on one golden image."""
