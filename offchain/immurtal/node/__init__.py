"""The node's process: the parts of the node wing put together, and its HTTP API."""
