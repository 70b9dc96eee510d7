"""``local://<folder>``: model servers and a gateway as processes of this machine."""
