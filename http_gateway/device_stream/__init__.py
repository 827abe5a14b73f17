"""Values of devices as the stream shows them: pushed by workers as they change, while somebody reads them."""
