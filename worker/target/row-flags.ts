/** Flags of a rows event. Sources: enum_flag in MySQL's Rows_event (rows_event.h) and MariaDB's Rows_log_event (log_event.h). */
export const NO_FOREIGN_KEY_CHECKS = 0x2;
/** MySQL 9.6 and newer: what foreign keys do to children is in the binlog as rows of the children. */
export const CASCADES_LOGGED = 0x10;
/** MariaDB: the session had check_constraint_checks=0. */
export const NO_CHECK_CONSTRAINT_CHECKS = 0x80;
