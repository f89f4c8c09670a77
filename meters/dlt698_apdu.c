/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Services of DL/T 698.45 (7.3.4 and following); see the header. */
#include "meters/dlt698_apdu.h"

/* First byte of an APDU. From 80H on they come from the server. */
#define GET_REQUEST 0x05u
#define ACTION_REQUEST 0x07u
#define SECURITY_REQUEST 0x10u
#define ERROR_CLIENT 0x6Eu
#define LINK_RESPONSE 0x81u
#define GET_RESPONSE 0x85u
#define SET_RESPONSE 0x86u
#define ACTION_RESPONSE 0x87u
#define REPORT 0x88u
#define SECURITY_RESPONSE 0x90u
#define ERROR_SERVER 0xEEu
#define FROM_SERVER 0x80u

/* Second byte. */
#define NORMAL 1u
#define NORMAL_LIST 2u
#define RECORD 3u
#define RECORD_LIST 4u
#define NEXT 5u
#define REPORT_LIST 1u
#define REPORT_RECORDS 2u

#define COLUMNS_MAX 32u
#define TIME_TAG_BYTES 10u /* date_time_s and TI */
#define ENCRYPTED_WHY "encrypted by the meter's security module: only the utility's can read it"

static const char *service_name(uint8_t service)
{
    static const struct {
        uint8_t service;
        const char *name;
    } names[] = {
        {0x01, "link request"},      {0x81, "link response"},       {0x02, "connect request"},
        {0x82, "connect response"},  {0x03, "release request"},     {0x83, "release response"},
        {0x84, "release notice"},    {0x05, "get request"},         {0x85, "get response"},
        {0x06, "set request"},       {0x86, "set response"},        {0x07, "action request"},
        {0x87, "action response"},   {0x08, "report response"},     {0x88, "report"},
        {0x09, "proxy request"},     {0x89, "proxy response"},      {0x10, "security request"},
        {0x90, "security response"}, {0x6E, "error of the client"}, {0xEE, "error of the server"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].service == service) {
            return names[i].name;
        }
    }
    return NULL;
}

/* Read one byte, and name it. */
static uint8_t read_u8(struct mt_dlt698_reader *reader, const char *what, const char *meaning)
{
    const uint8_t *first = reader->at.at;
    uint8_t value = mt_cursor_u8(&reader->at);
    mt_trace_field(reader->trace, first, reader->at.overrun ? 0 : 1, what, meaning);
    return value;
}

static uint32_t read_oad(struct mt_dlt698_reader *reader, const char *what)
{
    const uint8_t *first = reader->at.at;
    uint32_t oad = (uint32_t)mt_cursor_be(&reader->at, 4);
    mt_trace_field(reader->trace, first, (size_t)(reader->at.at - first), what,
                   mt_dlt698_object_name(oad));
    if (reader->frame->data_id == 0) {
        reader->frame->data_id = oad;
    }
    return oad;
}

static size_t read_count(struct mt_dlt698_reader *reader, const char *what)
{
    const uint8_t *first = reader->at.at;
    size_t count = mt_dlt698_read_count(&reader->at);
    mt_trace_field(reader->trace, first, (size_t)(reader->at.at - first), what, NULL);
    return count;
}

/* DAR (7.3.2): why an attribute is not given, or 0. */
static void read_reason(struct mt_dlt698_reader *reader)
{
    uint8_t reason = read_u8(reader, "reason (DAR)", NULL);
    if (reason != 0) {
        reader->refused++;
        reader->frame->error = reader->frame->error == 0 ? reason : reader->frame->error;
    }
}

/* A-ResultNormal: OAD, then 00 and why not, or 01 and data. */
static enum mt_status read_normal(struct mt_dlt698_reader *reader)
{
    uint32_t oad = read_oad(reader, "object attribute (OAD)");
    uint8_t choice = read_u8(reader, "result", "00 refused, 01 data");
    if (reader->at.overrun || choice > 1) {
        return MT_BAD_LAYOUT;
    }
    if (choice == 0) {
        read_reason(reader);
        mt_dlt698_take_refusal(reader, oad);
        return reader->at.overrun ? MT_BAD_LAYOUT : MT_OK;
    }
    reader->answered++;
    return mt_dlt698_read_data(reader, oad);
}

/* The columns of a record (RCSD). A column with its own columns (ROAD) has no single name: 0. */
static enum mt_status read_columns(uint32_t columns[COLUMNS_MAX], size_t *count,
                                   struct mt_dlt698_reader *reader)
{
    *count = read_count(reader, "columns");
    if (*count > COLUMNS_MAX) {
        return MT_TOO_LARGE;
    }
    for (size_t i = 0; i < *count; i++) {
        bool is_road = read_u8(reader, "kind of column", "00 OAD, 01 ROAD") == 1;
        columns[i] = read_oad(reader, "column (OAD)");
        size_t inner = is_road ? read_count(reader, "columns of the column") : 0;
        columns[i] = is_road ? 0 : columns[i];
        for (size_t k = 0; k < inner; k++) {
            (void)read_oad(reader, "column of the column (OAD)");
        }
    }
    return reader->at.overrun ? MT_BAD_LAYOUT : MT_OK;
}

/* A-ResultRecord: OAD, columns, then 00 and why not, or 01 and rows. */
static enum mt_status read_record(struct mt_dlt698_reader *reader)
{
    uint32_t columns[COLUMNS_MAX];
    size_t count = 0;
    (void)read_oad(reader, "record (OAD)");
    enum mt_status status = read_columns(columns, &count, reader);
    uint8_t choice = read_u8(reader, "result", "00 refused, 01 rows");
    if (status != MT_OK || reader->at.overrun || choice > 1) {
        return status != MT_OK ? status : MT_BAD_LAYOUT;
    }
    if (choice == 0) {
        read_reason(reader);
        return reader->at.overrun ? MT_BAD_LAYOUT : MT_OK;
    }
    reader->answered++;
    size_t rows = read_count(reader, "rows");
    if (count == 0 && rows > 0) {
        return MT_BAD_LAYOUT;
    }
    reader->is_record = true;
    for (size_t cell = 0; cell < rows * count && status == MT_OK; cell++) {
        status = mt_dlt698_read_data(reader, columns[cell % count]);
    }
    reader->is_record = false;
    return reader->at.overrun ? MT_BAD_LAYOUT : status;
}

static enum mt_status read_list(struct mt_dlt698_reader *reader,
                                enum mt_status (*read)(struct mt_dlt698_reader *))
{
    enum mt_status status = MT_OK;
    for (size_t left = read_count(reader, "results"); left > 0 && status == MT_OK; left--) {
        status = read(reader);
    }
    return reader->at.overrun ? MT_BAD_LAYOUT : status;
}

/* 1 and results, or 2 and records; 0 and a reason where there are none. */
static enum mt_status read_choice(struct mt_dlt698_reader *reader)
{
    switch (read_u8(reader, "choice", "00 refused, 01 results, 02 records")) {
    case 0:
        read_reason(reader);
        return reader->at.overrun ? MT_BAD_LAYOUT : MT_OK;
    case 1:
        return read_list(reader, read_normal);
    case 2:
        return read_list(reader, read_record);
    default: /* a number from the wire */
        return MT_BAD_LAYOUT;
    }
}

static enum mt_status read_get_response(struct mt_dlt698_reader *reader, uint8_t kind)
{
    switch (kind) {
    case NORMAL:
        return read_normal(reader);
    case NORMAL_LIST:
        return read_list(reader, read_normal);
    case RECORD:
        return read_record(reader);
    case RECORD_LIST:
        return read_list(reader, read_record);
    case NEXT: /* whether it is the last, and its number */
        (void)read_u8(reader, "last block", NULL);
        (void)read_u8(reader, "block number, high", NULL);
        (void)read_u8(reader, "block number, low", NULL);
        return read_choice(reader);
    default: /* a number from the wire: MD5 of a record, and what is unknown */
        return MT_UNSUPPORTED;
    }
}

/* What may follow every answer: other results that the meter had to report, and a time tag. Each is
 * 00 when there is none; older terminals send neither. */
static enum mt_status read_tail(struct mt_dlt698_reader *reader)
{
    enum mt_status status = MT_OK;
    if (mt_cursor_left(&reader->at) == 0) {
        return MT_OK;
    }
    uint8_t follows = read_u8(reader, "follow-up report", "00 none");
    if (follows == 1) {
        status = read_choice(reader);
    }
    if (status != MT_OK || follows > 1) {
        return status != MT_OK ? status : MT_BAD_LAYOUT;
    }
    if (mt_cursor_left(&reader->at) == 0) {
        return MT_OK;
    }
    uint8_t tagged = read_u8(reader, "time tag", "00 none");
    if (tagged == 1) {
        const uint8_t *tag = mt_cursor_take(&reader->at, TIME_TAG_BYTES);
        if (tag != NULL) {
            mt_trace_field(reader->trace, tag, TIME_TAG_BYTES, "sent at, and allowed delay", NULL);
        }
    }
    bool whole = tagged <= 1 && !reader->at.overrun && mt_cursor_left(&reader->at) == 0;
    return whole ? MT_OK : MT_BAD_LAYOUT;
}

/* What the results amount to. */
static enum mt_status conclude(struct mt_dlt698_reader *reader)
{
    struct mt_frame *frame = reader->frame;
    if (reader->answered == 0 && reader->refused > 0) {
        frame->kind = MT_FRAME_ABNORMAL;
        frame->value_count = 0;
        return MT_NO_READING;
    }
    frame->error = 0; /* a refusal beside values shows as an absent value */
    if (frame->value_count == 0 && !frame->has_time) {
        return reader->answered > 0 ? MT_UNSUPPORTED : MT_NO_READING;
    }
    /* Combined energy is forward plus or minus reverse by the meter's setting: no bill by itself. */
    bool is_billed = frame->has_total && frame->total.obis.c == 1;
    return is_billed ? mt_frame_reading(frame) : MT_OK;
}

static enum mt_status read_results(struct mt_dlt698_reader *reader, uint8_t service)
{
    uint8_t kind = read_u8(reader, "kind of service", NULL);
    (void)read_u8(reader, "number and priority (PIID)", NULL);
    enum mt_status status = MT_UNSUPPORTED;
    if (reader->at.overrun) {
        return MT_BAD_LAYOUT;
    }
    if (service == GET_RESPONSE) {
        status = read_get_response(reader, kind);
    } else if (kind == REPORT_LIST) {
        status = read_list(reader, read_normal);
    } else if (kind == REPORT_RECORDS) {
        status = read_list(reader, read_record);
    }
    if (status == MT_OK) {
        status = read_tail(reader);
    }
    return status == MT_OK ? conclude(reader) : status;
}

/* What was asked for, or what a write or an action came to. */
static enum mt_status read_named(struct mt_dlt698_reader *reader, uint8_t service)
{
    uint8_t kind = read_u8(reader, "kind of service", NULL);
    (void)read_u8(reader, "number and priority (PIID)", NULL);
    if (kind == NORMAL_LIST) {
        (void)read_count(reader, "objects");
    }
    bool is_one = kind <= NORMAL_LIST || (service == GET_REQUEST && kind == RECORD);
    if (is_one) {
        (void)read_oad(reader, "object");
    }
    if (is_one && kind == NORMAL && service >= FROM_SERVER) {
        read_reason(reader);
        bool refused = reader->refused > 0;
        reader->frame->kind = refused ? MT_FRAME_ABNORMAL : MT_FRAME_REPLY;
    }
    return reader->at.overrun ? MT_BAD_LAYOUT : MT_NO_READING;
}

static enum mt_status read_service(struct mt_dlt698_reader *reader, uint8_t service)
{
    reader->frame->kind = service >= FROM_SERVER ? MT_FRAME_REPLY : MT_FRAME_REQUEST;
    switch (service) {
    case GET_RESPONSE:
    case REPORT:
        return read_results(reader, service);
    case GET_REQUEST:
    case GET_REQUEST + 1: /* set */
    case ACTION_REQUEST:
    case SET_RESPONSE:
    case ACTION_RESPONSE:
        return read_named(reader, service);
    case ERROR_CLIENT:
    case ERROR_SERVER:
        (void)read_u8(reader, "number and priority (PIID)", NULL);
        reader->frame->error = read_u8(reader, "error", NULL);
        reader->frame->kind = MT_FRAME_ABNORMAL;
        return reader->at.overrun ? MT_BAD_LAYOUT : MT_NO_READING;
    default: /* a number from the wire: links, connections, proxies, and what is unknown */
        return service_name(service) != NULL ? MT_NO_READING : MT_UNSUPPORTED;
    }
}

/* Security-Request and -Response: 00 an APDU in the clear, 01 encrypted, 02 refused; then a MAC, which
 * needs the security module of the utility to be checked. */
static enum mt_status read_secured(struct mt_dlt698_reader *reader, uint8_t service)
{
    uint8_t choice = read_u8(reader, "protection", "00 in the clear, 01 encrypted, 02 refused");
    reader->frame->kind = service >= FROM_SERVER ? MT_FRAME_REPLY : MT_FRAME_REQUEST;
    if (choice == 2) {
        reader->frame->kind = MT_FRAME_ABNORMAL;
        reader->frame->error = read_u8(reader, "reason (DAR)", NULL);
        return reader->at.overrun ? MT_BAD_LAYOUT : MT_NO_READING;
    }
    size_t len = read_count(reader, "length of the inner APDU");
    const uint8_t *inner = mt_cursor_take(&reader->at, len);
    if (inner == NULL || len == 0 || choice > 1) {
        return MT_BAD_LAYOUT;
    }
    if (choice == 1) {
        mt_trace_fault(reader->trace, inner, len, ENCRYPTED_WHY);
        return service >= FROM_SERVER ? MT_UNSUPPORTED : MT_NO_READING;
    }
    struct mt_cursor rest = reader->at;
    reader->at = mt_cursor_over(inner, len);
    uint8_t within = read_u8(reader, "service", service_name(inner[0]));
    enum mt_status status = read_service(reader, within);
    size_t rest_len = mt_cursor_left(&rest);
    if (rest_len > 0) {
        mt_trace_field(reader->trace, rest.at, rest_len, "MAC of the security module",
                       "not checked: that takes the utility's security module");
    }
    return status;
}

enum mt_status mt_dlt698_read_apdu(struct mt_dlt698_reader *reader)
{
    MT_CHECK(reader != NULL && reader->frame != NULL);
    if (mt_cursor_left(&reader->at) == 0) {
        return MT_NO_READING; /* a confirmation has no APDU */
    }
    uint8_t service = read_u8(reader, "service", service_name(*reader->at.at));
    if (service == SECURITY_REQUEST || service == SECURITY_RESPONSE) {
        return read_secured(reader, service);
    }
    return read_service(reader, service);
}
