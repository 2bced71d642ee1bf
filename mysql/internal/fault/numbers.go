package fault

import "slices"

// servers are those on which a number has the meaning given; the wire does not
// tell which server it is, and above 1,899 they have gone separate ways.
type servers uint8

const (
	onMySQL servers = 1 << iota
	onMariaDB
	onTiDB
	everywhere = onMySQL | onMariaDB | onTiDB
)

// traits are what else there is to know of an error.
type traits uint8

const (
	// conflict is about this transaction and others: the connection and the
	// server are well, and trying again soon is right.
	conflict traits = 1 << iota
	// gone connections are closed by the server, or cannot be trusted, or
	// another one may lead to a better server (read-only after a failover).
	gone
)

// entry is one error of a server. Symbol is the server's own, without its ER_.
type entry struct {
	number uint16
	symbol string
	class  Class
	on     servers
	traits traits
}

// table is every server error that a writer can meet: MySQL 5.7 to 9.7,
// MariaDB 10 to 11, TiDB 8.5, and the few that proxies make up (2002 to 2013).
// The numbers and symbols are those of MySQL 9.7's performance_schema,
// MariaDB's errmsg-utf8.txt and TiDB's errno package. Errors of replication,
// of administration and of queries are left out: a writer does none of it.
var table = slices.Concat(rowErrors, schemaErrors, sizeErrors, passingErrors, operatorErrors, unknownErrors, unlistedErrors)

// A row cannot be stored as it is.
var rowErrors = []entry{
	{1022, "DUP_KEY", Row, everywhere, 0},
	{1048, "BAD_NULL_ERROR", Row, everywhere, 0},
	{1062, "DUP_ENTRY", Row, everywhere, 0},
	{1118, "TOO_BIG_ROWSIZE", Row, everywhere, 0},
	{1138, "INVALID_USE_OF_NULL", Row, everywhere, 0},
	{1169, "DUP_UNIQUE", Row, everywhere, 0},
	{1172, "TOO_MANY_ROWS", Row, everywhere, 0},
	{1216, "NO_REFERENCED_ROW", Row, everywhere, 0},
	{1217, "ROW_IS_REFERENCED", Row, everywhere, 0},
	{1242, "SUBQUERY_NO_1_ROW", Row, everywhere, 0},
	{1261, "WARN_TOO_FEW_RECORDS", Row, everywhere, 0},
	{1262, "WARN_TOO_MANY_RECORDS", Row, everywhere, 0},
	{1263, "WARN_NULL_TO_NOTNULL", Row, everywhere, 0},
	{1264, "WARN_DATA_OUT_OF_RANGE", Row, everywhere, 0},
	{1265, "WARN_DATA_TRUNCATED", Row, everywhere, 0},
	{1292, "TRUNCATED_WRONG_VALUE", Row, everywhere, 0},
	{1300, "INVALID_CHARACTER_STRING", Row, everywhere, 0},
	{1329, "SP_FETCH_NO_DATA", Row, everywhere, 0},
	{1339, "SP_CASE_NOT_FOUND", Row, everywhere, 0},
	{1364, "NO_DEFAULT_FOR_FIELD", Row, everywhere, 0},
	{1365, "DIVISION_BY_ZERO", Row, everywhere, 0},
	{1366, "TRUNCATED_WRONG_VALUE_FOR_FIELD", Row, everywhere, 0},
	{1367, "ILLEGAL_VALUE_FOR_TYPE", Row, everywhere, 0},
	{1369, "VIEW_CHECK_FAILED", Row, everywhere, 0},
	{1406, "DATA_TOO_LONG", Row, everywhere, 0},
	{1411, "WRONG_VALUE_FOR_TYPE", Row, everywhere, 0},
	{1416, "CANT_CREATE_GEOMETRY_OBJECT", Row, everywhere, 0},
	{1441, "DATETIME_FUNCTION_OVERFLOW", Row, everywhere, 0},
	{1451, "ROW_IS_REFERENCED_2", Row, everywhere, 0},
	{1452, "NO_REFERENCED_ROW_2", Row, everywhere, 0},
	{1525, "WRONG_VALUE", Row, everywhere, 0},
	{1526, "NO_PARTITION_FOR_GIVEN_VALUE", Row, everywhere, 0},
	{1557, "FOREIGN_DUPLICATE_KEY", Row, everywhere, 0},
	{1569, "DUP_ENTRY_AUTOINCREMENT_CASE", Row, everywhere, 0},
	{1575, "BASE64_DECODE_ERROR", Row, everywhere, 0},
	{1586, "DUP_ENTRY_WITH_KEY_NAME", Row, everywhere, 0},
	{1591, "NO_PARTITION_FOR_GIVEN_VALUE_SILENT", Row, everywhere, 0},
	{1643, "SIGNAL_NOT_FOUND", Row, everywhere, 0},
	{1644, "SIGNAL_EXCEPTION", Row, everywhere, 0},
	{1690, "DATA_OUT_OF_RANGE", Row, everywhere, 0},
	{1713, "UNDO_RECORD_TOO_BIG", Row, everywhere, 0},
	{1737, "ROW_DOES_NOT_MATCH_PARTITION", Row, everywhere, 0},
	{1748, "ROW_DOES_NOT_MATCH_GIVEN_PARTITION_SET", Row, everywhere, 0},
	{1761, "FOREIGN_DUPLICATE_KEY_WITH_CHILD_INFO", Row, everywhere, 0},
	{1762, "FOREIGN_DUPLICATE_KEY_WITHOUT_CHILD_INFO", Row, everywhere, 0},
	{1859, "DUP_UNKNOWN_IN_INDEX", Row, everywhere, 0},
	{1916, "DATA_OVERFLOW", Row, onMariaDB, 0},
	{1917, "DATA_TRUNCATED", Row, onMariaDB, 0},
	{1918, "BAD_DATA", Row, onMariaDB, 0},
	{1921, "DYN_COL_DATA", Row, onMariaDB, 0},
	{1977, "CANNOT_CONVERT_CHARACTER", Row, onMariaDB, 0},
	{3008, "FK_DEPTH_EXCEEDED", Row, everywhere, 0},
	{3020, "INVALID_ARGUMENT_FOR_LOGARITHM", Row, everywhere, 0},
	{3033, "GIS_DIFFERENT_SRIDS", Row, everywhere, 0},
	{3034, "GIS_UNSUPPORTED_ARGUMENT", Row, everywhere, 0},
	{3035, "GIS_UNKNOWN_ERROR", Row, everywhere, 0},
	{3036, "GIS_UNKNOWN_EXCEPTION", Row, everywhere, 0},
	{3037, "GIS_INVALID_DATA", Row, everywhere, 0},
	{3038, "BOOST_GEOMETRY_EMPTY_INPUT_EXCEPTION", Row, everywhere, 0},
	{3039, "BOOST_GEOMETRY_CENTROID_EXCEPTION", Row, everywhere, 0},
	{3040, "BOOST_GEOMETRY_OVERLAY_INVALID_INPUT_EXCEPTION", Row, everywhere, 0},
	{3041, "BOOST_GEOMETRY_TURN_INFO_EXCEPTION", Row, everywhere, 0},
	{3042, "BOOST_GEOMETRY_SELF_INTERSECTION_POINT_EXCEPTION", Row, everywhere, 0},
	{3043, "BOOST_GEOMETRY_UNKNOWN_EXCEPTION", Row, everywhere, 0},
	{3045, "STD_DOMAIN_ERROR", Row, everywhere, 0},
	{3046, "STD_LENGTH_ERROR", Row, everywhere, 0},
	{3047, "STD_INVALID_ARGUMENT", Row, everywhere, 0},
	{3048, "STD_OUT_OF_RANGE_ERROR", Row, everywhere, 0},
	{3049, "STD_OVERFLOW_ERROR", Row, everywhere, 0},
	{3050, "STD_RANGE_ERROR", Row, everywhere, 0},
	{3051, "STD_UNDERFLOW_ERROR", Row, everywhere, 0},
	{3052, "STD_LOGIC_ERROR", Row, everywhere, 0},
	{3053, "STD_RUNTIME_ERROR", Row, everywhere, 0},
	{3054, "STD_UNKNOWN_EXCEPTION", Row, everywhere, 0},
	{3055, "GIS_DATA_WRONG_ENDIANESS", Row, everywhere, 0},
	{3064, "INCORRECT_TYPE", Row, onMySQL, 0},
	{3069, "INVALID_JSON_DATA", Row, onMySQL, 0},
	{3070, "INVALID_GEOJSON_MISSING_MEMBER", Row, onMySQL, 0},
	{3071, "INVALID_GEOJSON_WRONG_TYPE", Row, onMySQL, 0},
	{3072, "INVALID_GEOJSON_UNSPECIFIED", Row, onMySQL, 0},
	{3073, "DIMENSION_UNSUPPORTED", Row, onMySQL, 0},
	{3134, "GIS_MAX_POINTS_IN_GEOMETRY_OVERFLOWED", Row, onMySQL, 0},
	{3140, "INVALID_JSON_TEXT", Row, onMySQL, 0},
	{3141, "INVALID_JSON_TEXT_IN_PARAM", Row, onMySQL, 0},
	{3142, "INVALID_JSON_BINARY_DATA", Row, onMySQL, 0},
	{3143, "INVALID_JSON_PATH", Row, onMySQL, 0},
	{3144, "INVALID_JSON_CHARSET", Row, onMySQL, 0},
	{3145, "INVALID_JSON_CHARSET_IN_FUNCTION", Row, onMySQL, 0},
	{3146, "INVALID_TYPE_FOR_JSON", Row, onMySQL, 0},
	{3147, "INVALID_CAST_TO_JSON", Row, onMySQL, 0},
	{3148, "INVALID_JSON_PATH_CHARSET", Row, onMySQL, 0},
	{3149, "INVALID_JSON_PATH_WILDCARD", Row, onMySQL, 0},
	{3150, "JSON_VALUE_TOO_BIG", Row, onMySQL, 0},
	{3151, "JSON_KEY_TOO_BIG", Row, onMySQL, 0},
	{3153, "JSON_VACUOUS_PATH", Row, onMySQL, 0},
	{3155, "NUMERIC_JSON_VALUE_OUT_OF_RANGE", Row, onMySQL, 0},
	{3156, "INVALID_JSON_VALUE_FOR_CAST", Row, onMySQL, 0},
	{3157, "JSON_DOCUMENT_TOO_DEEP", Row, onMySQL, 0},
	{3158, "JSON_DOCUMENT_NULL_KEY", Row, onMySQL, 0},
	{3165, "INVALID_JSON_PATH_ARRAY_CELL", Row, onMySQL, 0},
	{3513, "INVALID_BITWISE_OPERANDS_SIZE", Row, onMySQL, 0},
	{3516, "UNEXPECTED_GEOMETRY_TYPE", Row, onMySQL, 0},
	{3517, "SRS_PARSE_ERROR", Row, onMySQL, 0},
	{3518, "SRS_PROJ_PARAMETER_MISSING", Row, onMySQL, 0},
	{3520, "SRS_NOT_CARTESIAN", Row, onMySQL, 0},
	{3521, "SRS_NOT_CARTESIAN_UNDEFINED", Row, onMySQL, 0},
	{3548, "SRS_NOT_FOUND", Row, onMySQL, 0},
	{3616, "LONGITUDE_OUT_OF_RANGE", Row, onMySQL, 0},
	{3617, "LATITUDE_OUT_OF_RANGE", Row, onMySQL, 0},
	{3618, "NOT_IMPLEMENTED_FOR_GEOGRAPHIC_SRS", Row, onMySQL, 0},
	{3643, "WRONG_SRID_FOR_COLUMN", Row, onMySQL, 0},
	{3665, "MISSING_JSON_TABLE_VALUE", Row, onMySQL, 0},
	{3666, "WRONG_JSON_TABLE_VALUE", Row, onMySQL, 0},
	{3669, "JT_VALUE_OUT_OF_RANGE", Row, onMySQL, 0},
	{3673, "BAD_NULL_ERROR_NOT_IGNORED", Row, onMySQL, 0},
	{3682, "ONLY_IMPLEMENTED_FOR_SRID_0_AND_4326", Row, onMySQL, 0},
	{3704, "NOT_IMPLEMENTED_FOR_CARTESIAN_SRS", Row, onMySQL, 0},
	{3705, "NOT_IMPLEMENTED_FOR_PROJECTED_SRS", Row, onMySQL, 0},
	{3706, "NONPOSITIVE_RADIUS", Row, onMySQL, 0},
	{3726, "SRS_NOT_GEOGRAPHIC", Row, onMySQL, 0},
	{3727, "POLYGON_TOO_LARGE", Row, onMySQL, 0},
	{3731, "GEOMETRY_PARAM_LONGITUDE_OUT_OF_RANGE", Row, onMySQL, 0},
	{3732, "GEOMETRY_PARAM_LATITUDE_OUT_OF_RANGE", Row, onMySQL, 0},
	{3751, "WARN_DATA_TRUNCATED_FUNCTIONAL_INDEX", Row, onMySQL, 0},
	{3752, "WARN_DATA_OUT_OF_RANGE_FUNCTIONAL_INDEX", Row, onMySQL, 0},
	{3819, "CHECK_CONSTRAINT_VIOLATED", Row, onMySQL, 0},
	{3853, "INVALID_JSON_TYPE", Row, onMySQL, 0},
	{3854, "CANNOT_CONVERT_STRING", Row, onMySQL, 0},
	{3903, "INVALID_JSON_VALUE_FOR_FUNC_INDEX", Row, onMySQL, 0},
	{3904, "JSON_VALUE_OUT_OF_RANGE_FOR_FUNC_INDEX", Row, onMySQL, 0},
	{3905, "EXCEEDED_MV_KEYS_NUM", Row, onMySQL, 0},
	{3906, "EXCEEDED_MV_KEYS_SPACE", Row, onMySQL, 0},
	{3907, "FUNCTIONAL_INDEX_DATA_IS_TOO_LONG", Row, onMySQL, 0},
	{3908, "WRONG_MVI_VALUE", Row, onMySQL, 0},
	{3934, "JSON_SCHEMA_VALIDATION_ERROR_WITH_DETAILED_REPORT", Row, onMySQL, 0},
	{3966, "MISSING_JSON_VALUE", Row, onMySQL, 0},
	{3967, "MULTIPLE_JSON_VALUES", Row, onMySQL, 0},
	{3988, "IMPOSSIBLE_STRING_CONVERSION", Row, onMySQL, 0},
	{3995, "CHARACTER_SET_MISMATCH", Row, onMySQL, 0},
	{3997, "INVALID_TIME_ZONE_INTERVAL", Row, onMySQL, 0},
	{3998, "INVALID_CAST", Row, onMySQL, 0},
	{4025, "CONSTRAINT_FAILED", Row, onMariaDB, 0},
	{4032, "INVALID_CAST_TO_GEOMETRY", Row, onMySQL, 0},
	{4033, "INVALID_CAST_POLYGON_RING_DIRECTION", Row, onMySQL, 0},
	{4034, "GIS_DIFFERENT_SRIDS_AGGREGATION", Row, onMySQL, 0},
	{4035, "JSON_BAD_CHR", Row, onMariaDB, 0},
	{4036, "JSON_NOT_JSON_CHR", Row, onMariaDB, 0},
	{4037, "JSON_EOS", Row, onMariaDB, 0},
	{4038, "JSON_SYNTAX", Row, onMariaDB, 0},
	{4039, "JSON_ESCAPING", Row, onMariaDB, 0},
	{4040, "JSON_DEPTH", Row, onMariaDB, 0},
	{4048, "GEOJSON_INCORRECT", Row, onMariaDB, 0},
	{4049, "GEOJSON_TOO_FEW_POINTS", Row, onMariaDB, 0},
	{4050, "GEOJSON_NOT_CLOSED", Row, onMariaDB, 0},
	{4074, "VALUE_OUT_OF_RANGE", Row, onMySQL, 0},
	{4076, "GEOJSON_EMPTY_COORDINATES", Row, onMariaDB, 0},
	{4078, "ILLEGAL_PARAMETER_DATA_TYPES2_FOR_OPERATION", Row, onMariaDB, 0},
	{4079, "ILLEGAL_PARAMETER_DATA_TYPE_FOR_OPERATION", Row, onMariaDB, 0},
	{4176, "JSON_TABLE_ERROR_ON_FIELD", Row, onMariaDB, 0},
	{4203, "VECTOR_BINARY_FORMAT_INVALID", Row, onMariaDB, 0},
	{4204, "VECTOR_FORMAT_INVALID", Row, onMariaDB, 0},
	{6136, "DATA_INCOMPATIBLE_WITH_VECTOR", Row, onMySQL, 0},
	{6137, "EXCEEDS_VECTOR_MAX_DIMENSIONS", Row, onMySQL, 0},
	{6138, "TO_VECTOR_CONVERSION", Row, onMySQL, 0},
	{6527, "TEMPORAL_FUNCTION_OVERFLOW", Row, onMySQL, 0},
	{8023, "CANNOT_SET_NIL_VALUE", Row, onTiDB, 0},
	{8029, "BAD_NUMBER", Row, onTiDB, 0},
	{8030, "CAST_AS_SIGNED_OVERFLOW", Row, onTiDB, 0},
	{8031, "CAST_NEG_INT_AS_UNSIGNED", Row, onTiDB, 0},
	{8032, "INVALID_YEAR_FORMAT", Row, onTiDB, 0},
	{8033, "INVALID_YEAR", Row, onTiDB, 0},
	{8034, "INCORRECT_DATETIME_VALUE", Row, onTiDB, 0},
	{8036, "INVALID_TIME_FORMAT", Row, onTiDB, 0},
	{8054, "CANT_SET_TO_NULL", Row, onTiDB, 0},
	{8129, "JSON_OBJECT_KEY_TOO_LONG", Row, onTiDB, 0},
	{8147, "LAZY_UNIQUENESS_CHECK_FAILURE", Row, onTiDB, 0},
}

// The table is no longer as it was read.
var schemaErrors = []entry{
	{1050, "TABLE_EXISTS_ERROR", SchemaChanged, everywhere, 0},
	{1054, "BAD_FIELD_ERROR", SchemaChanged, everywhere, 0},
	{1058, "WRONG_VALUE_COUNT", SchemaChanged, everywhere, 0},
	{1060, "DUP_FIELDNAME", SchemaChanged, everywhere, 0},
	{1091, "CANT_DROP_FIELD_OR_KEY", SchemaChanged, everywhere, 0},
	{1110, "FIELD_SPECIFIED_TWICE", SchemaChanged, everywhere, 0},
	{1136, "WRONG_VALUE_COUNT_ON_ROW", SchemaChanged, everywhere, 0},
	{1412, "TABLE_DEF_CHANGED", SchemaChanged, everywhere, 0},
	{1906, "WARNING_NON_DEFAULT_VALUE_FOR_GENERATED_COLUMN", SchemaChanged, onMariaDB, 0},
	{3105, "NON_DEFAULT_VALUE_FOR_GENERATED_COLUMN", SchemaChanged, onMySQL, 0},
	{8027, "INFO_SCHEMA_EXPIRED", SchemaChanged, onTiDB, 0},
	{8028, "INFO_SCHEMA_CHANGED", SchemaChanged, onTiDB, 0},
	{8038, "FIELD_GET_DEFAULT_FAILED", SchemaChanged, onTiDB, 0},
	{8043, "COLUMN_STATE_NON_PUBLIC", SchemaChanged, onTiDB, 0},
	{8113, "SCHEMA_CHANGED", SchemaChanged, onTiDB, 0},
}

// Fewer rows at a time may do.
var sizeErrors = []entry{
	{1153, "NET_PACKET_TOO_LARGE", TooLarge, everywhere, gone},
	{1162, "TOO_LONG_STRING", TooLarge, everywhere, 0},
	{1197, "TRANS_CACHE_FULL", TooLarge, everywhere, 0},
	{1301, "WARN_ALLOWED_PACKET_OVERFLOWED", TooLarge, everywhere, 0},
	{1390, "PS_MANY_PARAM", TooLarge, everywhere, 0},
	{1705, "STMT_CACHE_FULL", TooLarge, everywhere, 0},
	{3231, "WRITE_SET_EXCEEDS_LIMIT", TooLarge, onMySQL, 0},
	{8001, "MEM_EXCEED_THRESHOLD", TooLarge, onTiDB, 0},
	{8004, "TXN_TOO_LARGE", TooLarge, onTiDB, 0},
	{8025, "ENTRY_TOO_LARGE", TooLarge, onTiDB, 0},
	{8175, "MEMORY_EXCEED_FOR_QUERY", TooLarge, onTiDB, 0},
}
