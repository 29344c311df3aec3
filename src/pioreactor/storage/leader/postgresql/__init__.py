"""PostgreSQL behind the repositories of the leader. Imported only where `[storage] database` names one."""
