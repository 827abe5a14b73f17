"""ScanHub: scanners and exam records, below ``/api/v1/{device,exam,userlogin,workflowmanager}``."""
