package fault

// byNumber classifies the errors of MySQL, MariaDB and TiDB that a writer can
// meet. The names are the servers' own symbols without their ER_ prefix.
var byNumber = map[uint16]Class{
	// A row's fault.
	1048: Row, // BAD_NULL_ERROR
	1062: Row, // DUP_ENTRY
	1169: Row, // DUP_UNIQUE
	1216: Row, // NO_REFERENCED_ROW
	1217: Row, // ROW_IS_REFERENCED
	1242: Row, // SUBQUERY_NO_1_ROW, from a trigger
	1263: Row, // WARN_NULL_TO_NOTNULL
	1264: Row, // WARN_DATA_OUT_OF_RANGE
	1265: Row, // WARN_DATA_TRUNCATED
	1292: Row, // TRUNCATED_WRONG_VALUE
	1364: Row, // NO_DEFAULT_FOR_FIELD
	1365: Row, // DIVISION_BY_ZERO
	1366: Row, // TRUNCATED_WRONG_VALUE_FOR_FIELD
	1367: Row, // ILLEGAL_VALUE_FOR_TYPE
	1369: Row, // VIEW_CHECK_FAILED
	1406: Row, // DATA_TOO_LONG
	1411: Row, // WRONG_VALUE_FOR_TYPE
	1416: Row, // CANT_CREATE_GEOMETRY_OBJECT
	1451: Row, // ROW_IS_REFERENCED_2
	1452: Row, // NO_REFERENCED_ROW_2
	1467: Row, // AUTOINC_READ_FAILED: the counter has reached the type's end
	1526: Row, // NO_PARTITION_FOR_GIVEN_VALUE
	1557: Row, // FOREIGN_DUPLICATE_KEY
	1586: Row, // DUP_ENTRY_WITH_KEY_NAME
	1644: Row, // SIGNAL_EXCEPTION: a trigger refuses the row
	1690: Row, // DATA_OUT_OF_RANGE
	1748: Row, // ROW_DOES_NOT_MATCH_GIVEN_PARTITION_SET
	1761: Row, // FOREIGN_DUPLICATE_KEY_WITH_CHILD_INFO
	1762: Row, // FOREIGN_DUPLICATE_KEY_WITHOUT_CHILD_INFO
	3037: Row, // GIS_INVALID_DATA
	3140: Row, // INVALID_JSON_TEXT
	3141: Row, // INVALID_JSON_TEXT_IN_PARAM
	3144: Row, // INVALID_JSON_CHARSET
	3156: Row, // INVALID_JSON_VALUE_FOR_CAST
	3157: Row, // JSON_DOCUMENT_TOO_DEEP
	3516: Row, // GEOMETRY_PARAM_LATITUDE... out of range
	3616: Row, // LONGITUDE_OUT_OF_RANGE
	3617: Row, // LATITUDE_OUT_OF_RANGE
	3643: Row, // WRONG_SRID_FOR_COLUMN
	3819: Row, // CHECK_CONSTRAINT_VIOLATED
	4025: Row, // MariaDB CONSTRAINT_FAILED
	4078: Row, // MariaDB ILLEGAL_PARAMETER_DATA_TYPES2_FOR_OPERATION

	// The table is not as it was read.
	1054: SchemaChanged, // BAD_FIELD_ERROR
	1110: SchemaChanged, // FIELD_SPECIFIED_TWICE: renamed columns
	1136: SchemaChanged, // WRONG_VALUE_COUNT_ON_ROW
	1412: SchemaChanged, // TABLE_DEF_CHANGED
	1906: SchemaChanged, // MariaDB GENERATED_COLUMN_NON_DEFAULT_VALUE
	3105: SchemaChanged, // NON_DEFAULT_VALUE_FOR_GENERATED_COLUMN
	8028: SchemaChanged, // TiDB information schema is changed

	// The server's packet limit.
	1153: TooLarge, // NET_PACKET_TOO_LARGE
	1301: TooLarge, // WARN_ALLOWED_PACKET_OVERFLOWED
	1390: TooLarge, // PS_MANY_PARAM

	// Heals by itself.
	1015: Passing, // CANT_LOCK
	1020: Passing, // CHECKREAD: MariaDB snapshot isolation
	1021: Passing, // DISK_FULL: the server waits or refuses until there is room
	1028: Passing, // FILSORT_ABORT
	1037: Passing, // OUTOFMEMORY
	1038: Passing, // OUT_OF_SORTMEMORY
	1040: Passing, // CON_COUNT_ERROR
	1041: Passing, // OUT_OF_RESOURCES
	1043: Passing, // HANDSHAKE_ERROR
	1047: Passing, // UNKNOWN_COM_ERROR: a Galera node that is not ready
	1053: Passing, // SERVER_SHUTDOWN
	1079: Passing, // SHUTDOWN_COMPLETE
	1080: Passing, // FORCING_CLOSE
	1114: Passing, // RECORD_FILE_FULL
	1129: Passing, // HOST_IS_BLOCKED
	1135: Passing, // CANT_CREATE_THREAD
	1180: Passing, // ERROR_DURING_COMMIT: Galera without quorum
	1203: Passing, // TOO_MANY_USER_CONNECTIONS
	1205: Passing, // LOCK_WAIT_TIMEOUT
	1206: Passing, // LOCK_TABLE_FULL
	1213: Passing, // LOCK_DEADLOCK
	1223: Passing, // CANT_UPDATE_WITH_READLOCK
	1226: Passing, // USER_LIMIT_REACHED
	1243: Passing, // UNKNOWN_STMT_HANDLER
	1290: Passing, // OPTION_PREVENTS_STATEMENT: read_only, super_read_only
	1317: Passing, // QUERY_INTERRUPTED
	1461: Passing, // MAX_PREPARED_STMT_COUNT_REACHED
	1613: Passing, // XA_RBTIMEOUT
	1614: Passing, // XA_RBDEADLOCK
	1615: Passing, // NEED_REPREPARE
	1637: Passing, // TOO_MANY_CONCURRENT_TRXS
	1792: Passing, // CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
	1836: Passing, // READ_ONLY_MODE
	1969: Passing, // MariaDB STATEMENT_TIMEOUT
	3024: Passing, // QUERY_TIMEOUT
	3032: Passing, // SERVER_OFFLINE_MODE
	3101: Passing, // TRANSACTION_ROLLBACK_DURING_COMMIT: group replication
	3572: Passing, // LOCK_NOWAIT
	4031: Passing, // CLIENT_INTERACTION_TIMEOUT
	8002: Passing, // TiDB for-update conflict
	8022: Passing, // TiDB commit failed, retry
	9001: Passing, // TiDB PD timeout
	9002: Passing, // TiDB TiKV timeout
	9003: Passing, // TiDB TiKV busy
	9004: Passing, // TiDB resolve lock timeout
	9005: Passing, // TiDB region unavailable
	9006: Passing, // TiDB GC life time too short
	9007: Passing, // TiDB write conflict

	// Heals when somebody mends it.
	1044: Operator, // DBACCESS_DENIED_ERROR
	1045: Operator, // ACCESS_DENIED_ERROR
	1046: Operator, // NO_DB_ERROR
	1049: Operator, // BAD_DB_ERROR
	1051: Operator, // BAD_TABLE_ERROR
	1103: Operator, // WRONG_TABLE_NAME
	1130: Operator, // HOST_NOT_PRIVILEGED
	1133: Operator, // PASSWORD_NO_MATCH
	1142: Operator, // TABLEACCESS_DENIED_ERROR
	1143: Operator, // COLUMNACCESS_DENIED_ERROR
	1146: Operator, // NO_SUCH_TABLE
	1194: Operator, // CRASHED_ON_USAGE
	1195: Operator, // CRASHED_ON_REPAIR
	1227: Operator, // SPECIFIC_ACCESS_DENIED_ERROR
	1251: Operator, // NOT_SUPPORTED_AUTH_MODE
	1286: Operator, // UNKNOWN_STORAGE_ENGINE
	1347: Operator, // WRONG_OBJECT
	1356: Operator, // VIEW_INVALID
	1370: Operator, // PROCACCESS_DENIED_ERROR
	1394: Operator, // VIEW_NO_INSERT_FIELD_LIST
	1471: Operator, // NON_INSERTABLE_TABLE
	1698: Operator, // ACCESS_DENIED_NO_PASSWORD_ERROR
	1820: Operator, // MUST_CHANGE_PASSWORD
	1862: Operator, // MUST_CHANGE_PASSWORD_LOGIN
	3118: Operator, // ACCOUNT_HAS_BEEN_LOCKED
	3159: Operator, // SECURE_TRANSPORT_REQUIRED
	4151: Operator, // MariaDB ACCOUNT_HAS_BEEN_LOCKED
}
