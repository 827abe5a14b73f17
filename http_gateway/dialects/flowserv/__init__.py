"""flowserv: named workflows, their rankings and results, below ``/flowserv/api/v1``."""
