"""The notebooks as files: finding them, copying them to a workspace, running them, and telling stale outputs."""
