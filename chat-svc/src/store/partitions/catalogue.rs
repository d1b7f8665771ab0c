//! What PostgreSQL knows about the `messages` table.

use diesel::{
    QueryableByName, sql_query,
    sql_types::{BigInt, Bool, Nullable, Text},
};
use diesel_async::RunQueryDsl;
use sql::Postgres;

/// What hangs on the table beside its columns.
#[derive(Debug)]
pub(super) struct Shape {
    /// Primary key and uniques.
    pub(super) keys: Vec<Keys>,
    /// Other indexes: names and the statements that make them.
    pub(super) indexes: Vec<(String, String)>,
    /// Foreign keys of its own.
    pub(super) others: Vec<Constraint>,
    /// Foreign keys of other tables to it.
    pub(super) references: Vec<Reference>,
    /// The statements that let others than its owner use it.
    pub(super) grants: Vec<String>,
}

/// A primary key or unique constraint. Names are quoted where SQL needs that.
#[derive(Debug, QueryableByName)]
pub(super) struct Keys {
    #[diesel(sql_type = Text)]
    pub(super) name: String,
    /// `PRIMARY KEY` or `UNIQUE`.
    #[diesel(sql_type = Text)]
    pub(super) kind: String,
    /// Separated by commas.
    #[diesel(sql_type = Text)]
    pub(super) columns: String,
    /// Whether the room is among them.
    #[diesel(sql_type = Bool)]
    pub(super) has_room: bool,
}

/// A constraint as SQL words it.
#[derive(Debug, QueryableByName)]
pub(super) struct Constraint {
    #[diesel(sql_type = Text)]
    pub(super) name: String,
    #[diesel(sql_type = Text)]
    pub(super) definition: String,
}

/// A foreign key of another table.
#[derive(Debug, QueryableByName)]
pub(super) struct Reference {
    #[diesel(sql_type = Text)]
    pub(super) table: String,
    #[diesel(sql_type = Text)]
    pub(super) name: String,
}

/// What a copy has to have in common with its original.
#[derive(Debug, PartialEq, Eq, QueryableByName)]
pub(super) struct Census {
    #[diesel(sql_type = BigInt)]
    pub(super) rows: i64,
    #[diesel(sql_type = BigInt)]
    rooms: i64,
    #[diesel(sql_type = Nullable<Text>)]
    seqs: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    change_seqs: Option<String>,
}

#[derive(QueryableByName)]
struct Statement {
    #[diesel(sql_type = Text)]
    statement: String,
}

#[derive(QueryableByName)]
struct Owner {
    #[diesel(sql_type = Text)]
    owner: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// How many partitions there are, if any.
pub(super) async fn partitions(connection: &mut Postgres) -> sql::Result<Option<i64>> {
    let query = "SELECT (SELECT count(*) FROM pg_inherits WHERE inhparent = partrelid) AS count \
                 FROM pg_partitioned_table WHERE partrelid = 'messages'::regclass";
    let found: Vec<Count> = sql_query(query).load(connection).await?;
    Ok(found.into_iter().next().map(|found| found.count))
}

/// Whose the table is, where it is not the current user's.
pub(super) async fn other_owner(connection: &mut Postgres) -> sql::Result<Option<String>> {
    let query = "SELECT relowner::regrole::text AS owner FROM pg_class \
                 WHERE oid = 'messages'::regclass AND pg_get_userbyid(relowner) <> current_user";
    let found: Vec<Owner> = sql_query(query).load(connection).await?;
    Ok(found.into_iter().next().map(|found| found.owner))
}

/// What hangs on the table.
pub(super) async fn shape(connection: &mut Postgres) -> sql::Result<Shape> {
    let keys = "SELECT quote_ident(conname) AS name, CASE contype WHEN 'p' THEN 'PRIMARY KEY' ELSE 'UNIQUE' END AS kind, \
                string_agg(quote_ident(attname), ', ' ORDER BY place) AS columns, bool_or(attname = 'room_id') AS has_room \
                FROM pg_constraint CROSS JOIN unnest(conkey) WITH ORDINALITY AS key (number, place) \
                JOIN pg_attribute ON attrelid = conrelid AND attnum = number \
                WHERE conrelid = 'messages'::regclass AND contype IN ('p', 'u') GROUP BY conname, contype ORDER BY conname";
    let indexes = "SELECT relname::text AS name, pg_get_indexdef(indexrelid) AS definition \
                   FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid \
                   WHERE indrelid = 'messages'::regclass \
                   AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x')) \
                   ORDER BY relname";
    let others = "SELECT quote_ident(conname) AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint \
                  WHERE conrelid = 'messages'::regclass AND contype = 'f' ORDER BY conname";
    let references = "SELECT conrelid::regclass::text AS table, quote_ident(conname) AS name FROM pg_constraint \
                      WHERE confrelid = 'messages'::regclass AND contype = 'f' ORDER BY conname";
    let grants = "SELECT format('GRANT %s ON messages TO %s%s', privilege_type, \
                  CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END, \
                  CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END) AS statement \
                  FROM pg_class CROSS JOIN aclexplode(relacl) \
                  WHERE pg_class.oid = 'messages'::regclass AND grantee <> relowner ORDER BY 1";
    let grants: Vec<Statement> = sql_query(grants).load(connection).await?;
    let indexes: Vec<Constraint> = sql_query(indexes).load(connection).await?;
    Ok(Shape {
        keys: sql_query(keys).load(connection).await?,
        indexes: indexes
            .into_iter()
            .map(|index| (index.name, index.definition))
            .collect(),
        others: sql_query(others).load(connection).await?,
        references: sql_query(references).load(connection).await?,
        grants: grants.into_iter().map(|grant| grant.statement).collect(),
    })
}

/// Counts a table's rows and what tells one log from another.
pub(super) async fn census(connection: &mut Postgres, table: &'static str) -> sql::Result<Census> {
    let query = format!(
        "SELECT count(*) AS rows, count(DISTINCT room_id) AS rooms, sum(seq)::text AS seqs, \
         sum(change_seq)::text AS change_seqs FROM {table}"
    );
    Ok(RunQueryDsl::get_result(sql_query(query), connection).await?)
}

/// How many blocks the table has.
pub(super) async fn blocks(connection: &mut Postgres) -> sql::Result<i64> {
    let query = "SELECT pg_relation_size('messages') / current_setting('block_size')::bigint AS count";
    let found: Count = RunQueryDsl::get_result(sql_query(query), connection).await?;
    Ok(found.count)
}

/// Copies the rows of the blocks from `from` on and before `to`; how many there were.
pub(super) async fn copy(connection: &mut Postgres, from: i64, to: i64) -> sql::Result<i64> {
    let query = format!(
        "INSERT INTO messages_new SELECT * FROM messages WHERE ctid >= '({from},0)' AND ctid < '({to},0)'"
    );
    let copied = RunQueryDsl::execute(sql_query(query), connection).await?;
    Ok(i64::try_from(copied).unwrap_or(i64::MAX))
}
