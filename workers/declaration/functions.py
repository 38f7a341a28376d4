"""
What a `select` may call, by purpose: functions whose result depends on their arguments alone.

An allowlist, not a denylist, because engines keep adding functions that read files, access the network or
run SQL from a text. A team that needs another function names it under the table's `functions`.
"""

from __future__ import annotations

AGGREGATES = """
any_value approx_count_distinct approx_percentile approx_quantile approx_quantiles approx_top_k arbitrary
arg_max arg_min array_agg avg bit_and bit_or bit_xor bool_and bool_or collect_list collect_set corr count
count_distinct count_if countif covar_pop covar_samp entropy every favg first fsum geomean group_concat
grouparray grouping grouping_id histogram json_agg json_group_array json_group_object json_object_agg
jsonb_agg jsonb_object_agg kurtosis kurtosis_pop last list listagg logical_and logical_or mad max max_by
max_if mean median min min_by mode percentile percentile_approx percentile_cont percentile_disc product
quantile quantile_cont quantile_disc regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope
regr_sxx regr_sxy regr_syy reservoir_quantile sem skewness some std stddev stddev_pop stddev_samp string_agg
sum sum_if sumif uniq uniqexact var_pop var_samp variance
"""
WINDOWS = """
cume_dist dense_rank fill first_value hop lag last_value lead nth_value ntile percent_rank rank row_number
session tumble window
"""
NUMBERS = """
abs acos acosh asin asinh atan atan2 atanh bin bit_count bit_length cbrt ceil ceiling cos cosh cot degrees
div e even exp expm1 factorial floor fmod gamma gcd greatest hash hex ieee_divide is_finite is_inf is_nan
isfinite isinf isnan lcm least lgamma ln log log10 log1p log2 mod multiply nanvl negative nextafter pi pmod
positive pow power quarter radians rand random range_bucket round round_even safe_add safe_divide
safe_multiply safe_negate safe_subtract sign signbit signum sin sinh sqrt tan tanh to_hex trunc truncate
try_add try_divide try_multiply try_subtract unhex width_bucket xor zeroifnull
"""
TEXTS = """
ascii base64 btrim char char_length character_length charindex chr concat concat_ws contains contains_substr
crc32 damerau_levenshtein decode edit_distance encode ends_with endswith find_in_set format format_bytes
format_number format_string from_base64 greatest_common_prefix hamming ilike initcap instr jaccard
jaro_similarity jaro_winkler_similarity lcase left len length levenshtein like locate lower lpad ltrim md5
mismatches nfc_normalize normalize not_ilike_escape not_like_escape octet_length ord overlay parse_url
position prefix printf quote_literal regexp_contains regexp_count regexp_extract regexp_extract_all
regexp_full_match regexp_instr regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array
regexp_split_to_table regexp_substr repeat replace reverse right rlike rpad rtrim sha sha1 sha2 sha224
sha256 sha384 sha512 soundex space split split_part starts_with startswith str_split str_split_regex
string_split string_split_regex string_to_array string_to_table strip_accents strlen strpos substr substring
substring_index suffix to_base64 to_char to_number to_varchar translate trim ucase unbase64 unicode upper
url_decode url_encode xxhash64
"""
TIMES = """
add_months age at_timezone century convert_timezone current_date current_datetime current_time
current_timestamp date date_add date_bin date_diff date_format date_from_parts date_from_unix_date date_part
date_sub date_trunc dateadd datediff datefromparts datename datepart datesub datetime datetime_add
datetime_diff datetime_sub datetime_trunc datetrunc day dayname dayofmonth dayofweek dayofyear days days_sub
decade epoch epoch_ms epoch_ns epoch_us era extract format_date format_datetime format_timestamp
from_iso8601_date from_iso8601_timestamp from_unixtime from_utc_timestamp get_current_timestamp getdate hour
hours isodow isoyear julian julianday justify_days justify_hours justify_interval last_day localtime
localtimestamp make_date make_interval make_time make_timestamp make_timestamp_ms make_timestamp_ns
make_timestamptz microsecond millennium millisecond minute month monthname months months_between nanosecond
next_day now parse_date parse_datetime parse_timestamp second str_to_date strftime strptime sysdate time
time_bucket time_diff time_slice time_trunc timediff timestamp timestamp_add timestamp_diff timestamp_micros
timestamp_millis timestamp_seconds timestamp_sub timestamp_trunc timestampadd timestampdiff timezone
timezone_hour timezone_minute to_date to_days to_hours to_microseconds to_milliseconds to_minutes to_months
to_seconds to_time to_timestamp to_timestamp_ltz to_timestamp_ntz to_unix_timestamp to_unixtime
to_utc_timestamp to_weeks to_years todate todatetime today tostartofday tostartofhour tostartofinterval
tostartofminute tostartofmonth tostartofweek try_strptime try_to_date try_to_timestamp unix_date unix_micros
unix_millis unix_seconds unix_timestamp week weekday weekofyear window_time year years yearweek
"""
CHOICES = """
assert_true coalesce decode if iff ifnull iif isnotnull isnull nullif nullifzero num_nonnulls num_nulls nvl
nvl2 pg_input_is_valid pg_typeof switch typeof
"""
JSON = """
array_to_json from_json get_json_object json_array json_array_elements json_array_elements_text
json_array_length json_build_array json_build_object json_contains json_each json_each_text json_exists
json_extract json_extract_array json_extract_path json_extract_path_text json_extract_scalar
json_extract_string json_extract_string_array json_keys json_object json_object_keys json_parse json_query
json_query_array json_structure json_to_record json_to_recordset json_tuple json_type json_typeof json_valid
json_value json_value_array jsonb_array_elements jsonb_array_elements_text jsonb_array_length
jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text jsonb_exists jsonb_extract_path
jsonb_extract_path_text jsonb_object_keys jsonb_path_exists jsonb_path_query jsonb_path_query_array
jsonb_path_query_first jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof parse_json
row_to_json schema_of_json to_json to_json_string to_jsonb try_parse_json
"""
NESTED = """
aggregate all_match any_match array array_aggregate array_append array_cat array_concat array_construct
array_contains array_dims array_distinct array_except array_extract array_filter array_first array_flatten
array_has array_has_all array_has_any array_indexof array_intersect array_join array_last array_length
array_lower array_max array_min array_ndims array_overlap array_position array_positions array_prepend
array_remove array_repeat array_reverse array_select array_size array_slice array_sort array_sum
array_to_string array_transform array_union array_unique array_upper array_zip arrayjoin arrays_overlap
arrays_zip cardinality cosine_distance element_at exists explode explode_outer filter flatten forall
generate_array generate_date_array generate_series generate_subscripts generate_timestamp_array get inline
inline_outer len list_aggr list_aggregate list_any_value list_append list_apply list_avg list_concat
list_contains list_cosine_similarity list_count list_distance list_distinct list_dot_product list_element
list_extract list_filter list_first list_has list_has_all list_has_any list_indexof list_inner_product
list_intersect list_last list_max list_mean list_median list_min list_mode list_pack list_position
list_prepend list_reduce list_resize list_reverse list_reverse_sort list_select list_slice list_sort
list_sum list_transform list_unique list_value list_where list_zip map map_concat map_contains
map_contains_key map_entries map_extract map_filter map_from_arrays map_from_entries map_keys map_values
named_struct offset ordinal posexplode posexplode_outer range reduce row safe_offset safe_ordinal sequence
size slice sort_array stack str_to_map struct struct_extract struct_insert struct_pack subsequence transform
transform_keys transform_values tuple union_extract union_tag unnest zip_with
"""
CASTS = """
array bigint binary bit bool boolean bpchar bytea cast cast_to_type character convert dec decimal double
float float4 float8 int int2 int4 int8 integer interval map nchar numeric nvarchar precision real row
safe_cast smallint string struct text time timestamp timestamptz tinyint tofloat64 toint32 toint64 tostring
try_cast uuid varbinary varchar varying zone
"""
GRAMMAR = """
all and any as between by case columns cross cube distinct else end escape except except_all exclude filter
following from full group grouping having ilike in inner intersect is join keep lateral left like limit
materialized natural not null offset on or order outer over partition pivot preceding qualify recursive
rename replace right rlike rollup rows select semi sets similar some struct table tablesample then to top
union unpivot using values view when where window with within
"""
"""SQL keywords that a bracket may follow; none of them calls anything."""

PURE = frozenset(
    f"{AGGREGATES} {WINDOWS} {NUMBERS} {TEXTS} {TIMES} {CHOICES} {JSON} {NESTED} {CASTS} {GRAMMAR}".split()
)
FILE_READERS = frozenset(
    {
        "parquet_scan",
        "read_csv",
        "read_csv_auto",
        "read_json",
        "read_json_auto",
        "read_json_objects",
        "read_json_objects_auto",
        "read_ndjson",
        "read_ndjson_auto",
        "read_ndjson_objects",
        "read_parquet",
    }
)
"""DuckDB's: their first argument is a file or a list of files, which a table has to declare under `files`."""
FILE_FORMATS = frozenset(
    {
        "avro",
        "binaryfile",
        "csv",
        "delta",
        "deltasharing",
        "hudi",
        "iceberg",
        "image",
        "jdbc",
        "json",
        "kafka",
    }
    | {"libsvm", "orc", "parquet", "socket", "text", "xml"}
)
"""Spark's: after this prefix, a name is a file's."""
OWN_CATALOGUES = frozenset(
    {"information_schema", "mysql", "performance_schema", "pg_catalog", "pg_toast", "sys", "system"}
)
OWN_NAMES = ("pg_", "duckdb_", "sqlite_", "pragma_")
"""The engine's own tables, some of which read its files (`pg_hba_file_rules`)."""
