/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/app/api_views.h"

const char *gw_transport_name(uint8_t transport)
{
    static const char *const names[GW_TRANSPORTS] = {"mqtt", "coap", "http", "wire"};
    return transport < GW_TRANSPORTS ? names[transport] : "other";
}

const char *gw_form_name(uint8_t form)
{
    static const char *const names[GW_FORMS] = {"cose", "signed", "cbor", "json", "raw"};
    return form < GW_FORMS ? names[form] : "other";
}

const char *gw_order_kind_name(enum gw_order_kind kind)
{
    return kind == GW_ORDER_REFUND ? "refund" : "debit";
}

const char *gw_order_state_name(enum gw_order_state state)
{
    switch (state) {
    case GW_ORDER_QUEUED:
        return "queued";
    case GW_ORDER_SENT:
        return "sent";
    case GW_ORDER_UNSURE:
        return "unsure";
    case GW_ORDER_ASKED:
        return "asked";
    case GW_ORDER_DONE:
        return "done";
    case GW_ORDER_REFUSED:
        return "refused";
    }
    return "other";
}

const char *gw_refusal_name(enum gw_refusal refusal)
{
    switch (refusal) {
    case GW_REFUSAL_NONE:
        return "";
    case GW_REFUSAL_SHORT:
        return "insufficient_funds";
    case GW_REFUSAL_LIMIT:
        return "limit_exceeded";
    case GW_REFUSAL_MANDATE:
        return "mandate_invalid";
    case GW_REFUSAL_WALLET:
        return "wallet_unknown";
    case GW_REFUSAL_REQUEST:
        return "request_invalid";
    case GW_REFUSAL_OTHER:
        return "other";
    }
    return "other";
}

json_t *gw_api_terms_json(const struct gw_terms *terms)
{
    char text[GW_FORMAT_MAX];
    json_t *object = json_object();
    if (terms->tou_from_day == INT32_MAX) {
        gw_api_put(object, "tou_from", NULL);
    } else {
        gw_format_day(text, terms->tou_from_day);
        gw_api_put_text(object, "tou_from", text);
    }
    gw_api_put_int(object, "people", terms->people);
    gw_api_put(object, "low_income", json_boolean(terms->low_income));
    gw_api_put_int(object, "ladder_months", terms->ladder_months);
    if (terms->ladder_months >= 12) {
        gw_api_put(object, "ladder_start", NULL);
    } else {
        gw_format_month(text, terms->ladder_months_year);
        gw_api_put_text(object, "ladder_start", text);
    }
    return object;
}

void gw_api_put_reading(json_t *object, const struct gw_entry_reading *reading, uint8_t medium)
{
    static const char *const bands[MT_BANDS] = {"sharp", "peak", "flat", "valley"};
    static const struct {
        uint8_t bit;
        const char *name;
    } flags[] = {{MT_FLAG_CLOCK_DOUBT, "clock_doubt"},
                 {MT_FLAG_TAMPER, "tamper"},
                 {MT_FLAG_LOW_BATTERY, "low_battery"},
                 {MT_FLAG_VALVE_SHUT, "valve_shut"}};
    const struct mt_reading *r = &reading->reading;
    json_t *by_band = json_object();
    json_t *set = json_array();
    gw_api_put_time(object, "time", r->time_us);
    gw_api_put_units(object, "total", r->total, medium);
    for (uint32_t b = 0; b < MT_BANDS; b++) {
        if ((r->band_mask >> b & 1u) != 0) {
            gw_api_put_units(by_band, bands[b], r->band[b], medium);
        }
    }
    for (uint32_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if ((r->flags & flags[i].bit) != 0) {
            (void)json_array_append_new(set, json_string(flags[i].name));
        }
    }
    gw_api_put(object, "bands", by_band);
    gw_api_put(object, "flags", set);
    gw_api_put_text(object, "verdict", gw_verdict_name((enum gw_verdict)reading->verdict));
}

static json_t *accept_json(uint8_t accept)
{
    json_t *list = json_array();
    if ((accept & GW_ACCEPT_COSE) != 0) {
        (void)json_array_append_new(list, json_string("cose"));
    }
    if ((accept & GW_ACCEPT_CARRIER) != 0) {
        (void)json_array_append_new(list, json_string("carrier"));
    }
    return list;
}

json_t *gw_api_meter_json(const struct gw_meter_view *view)
{
    char name[MT_NAME_MAX + 1];
    uint8_t medium = view->identity.medium;
    json_t *object = json_object();
    (void)mt_name_format(name, &view->identity); /* its length is not needed */
    gw_api_put_text(object, "meter", name);
    gw_api_put_text(object, "medium", gw_medium_name(medium));
    gw_api_put_text(object, "unit", gw_unit_name(medium));
    gw_api_put_text(object, "household", view->household);
    gw_api_put_text(object, "tariff", view->tariff);
    gw_api_put(object, "terms", gw_api_terms_json(&view->terms));
    gw_api_put(object, "accept", accept_json(view->accept));
    gw_api_put_int(object, "max_per_hour_units", view->max_per_hour);
    gw_api_put_int(object, "register_width_units", view->register_width);
    if (view->has_reading) {
        struct gw_entry_reading last = {.reading = view->last, .verdict = GW_ACCEPTED};
        json_t *reading = json_object();
        gw_api_put_reading(reading, &last, medium);
        (void)json_object_del(reading, "verdict"); /* the newest accepted one, whatever the kind */
        gw_api_put(object, "last", reading);
    } else {
        gw_api_put(object, "last", NULL);
    }
    gw_api_put_int(object, "last_block", (int64_t)view->last_block);
    gw_api_put_time(object, "heard", view->heard_us);
    gw_api_put_int(object, "next_seq", view->next_seq);
    gw_api_put_ufen(object, "charged", view->charged_ufen);
    gw_api_put_int(object, "refused", view->refused);
    return object;
}
