/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The summary of a run, for people or as JSON. */
#include "sim/fleet_run.h"

static void print_link(const struct sim_run *run, FILE *out, unsigned transport,
                       const struct sim_link_counts *counts)
{
    const struct sim_histogram *took = &run->took[transport];
    (void)fprintf(out,
                  "%s       %llu sent, %llu without connection, %llu received, %llu refused; "
                  "%llu connections, %llu failures; receipt after p50 %.1f ms, p99 %.1f ms, most "
                  "%.1f ms\n",
                  transport == 0 ? "mqtt" : "coap", (unsigned long long)counts->sent,
                  (unsigned long long)counts->unsent, (unsigned long long)counts->received,
                  (unsigned long long)counts->refused, (unsigned long long)counts->connections,
                  (unsigned long long)counts->failures, (double)sim_histogram_at(took, 500) / 1000,
                  (double)sim_histogram_at(took, 990) / 1000, (double)took->max_us / 1000);
    if (counts->why[0] != '\0') {
        (void)fprintf(out, "           last failure: %s\n", counts->why);
    }
}

static void print_link_json(const struct sim_run *run, FILE *out, unsigned transport,
                            const struct sim_link_counts *counts)
{
    const struct sim_histogram *took = &run->took[transport];
    (void)fprintf(out,
                  ",\"%s\":{\"sent\":%llu,\"unsent\":%llu,\"received\":%llu,\"refused\":%llu,"
                  "\"connections\":%llu,\"failures\":%llu,\"receipts\":%llu,\"p50_us\":%lld,"
                  "\"p99_us\":%lld,\"max_us\":%lld}",
                  transport == 0 ? "mqtt" : "coap", (unsigned long long)counts->sent,
                  (unsigned long long)counts->unsent, (unsigned long long)counts->received,
                  (unsigned long long)counts->refused, (unsigned long long)counts->connections,
                  (unsigned long long)counts->failures, (unsigned long long)took->count,
                  (long long)sim_histogram_at(took, 500), (long long)sim_histogram_at(took, 990),
                  (long long)took->max_us);
}

static void print_links(const struct sim_run *run, FILE *out)
{
    struct sim_link_counts counts;
    if (run->mqtt != NULL) {
        sim_mqtt_counts(&counts, run->mqtt);
        (run->options->json ? print_link_json : print_link)(run, out, 0, &counts);
    }
    if (run->coap != NULL) {
        sim_coap_counts(&counts, run->coap);
        (run->options->json ? print_link_json : print_link)(run, out, 1, &counts);
    }
}

static void print_totals(const struct sim_run *run, FILE *out, const struct sim_fleet_totals *t)
{
    (void)fprintf(out, "seed       %llu\nmeters     %u\nreadings   %llu taken\n",
                  (unsigned long long)run->options->seed, run->meter_count,
                  (unsigned long long)t->readings);
    if (run->options->via == SIM_VIA_NONE) {
        return; /* there was nobody to talk to */
    }
    (void)fprintf(out, "messages   %llu, %llu repetitions, %llu answered by the gateway\n",
                  (unsigned long long)t->sent, (unsigned long long)t->repeated,
                  (unsigned long long)t->answered);
    (void)fprintf(out, "day ends   %llu proven\ncommands   %llu\n",
                  (unsigned long long)t->snapshots, (unsigned long long)t->commands);
    (void)fprintf(out, "waiting    %llu records for their receipt; %llu given up\n",
                  (unsigned long long)t->pending, (unsigned long long)t->dropped);
    (void)fprintf(out, "faults     %llu reboots, %llu messages lost, %llu doubled, %llu late\n",
                  (unsigned long long)t->reboots, (unsigned long long)t->lost,
                  (unsigned long long)t->duplicated, (unsigned long long)t->late);
}

static void print_totals_json(const struct sim_run *run, FILE *out,
                              const struct sim_fleet_totals *t)
{
    (void)fprintf(out,
                  "{\"seed\":%llu,\"meters\":%u,\"readings\":%llu,\"messages\":%llu,"
                  "\"repeated\":%llu,\"answered\":%llu,\"snapshots\":%llu,\"commands\":%llu,"
                  "\"waiting\":%llu,\"dropped\":%llu,\"reboots\":%llu,\"lost\":%llu,"
                  "\"duplicated\":%llu,\"late\":%llu",
                  (unsigned long long)run->options->seed, run->meter_count,
                  (unsigned long long)t->readings, (unsigned long long)t->sent,
                  (unsigned long long)t->repeated, (unsigned long long)t->answered,
                  (unsigned long long)t->snapshots, (unsigned long long)t->commands,
                  (unsigned long long)t->pending, (unsigned long long)t->dropped,
                  (unsigned long long)t->reboots, (unsigned long long)t->lost,
                  (unsigned long long)t->duplicated, (unsigned long long)t->late);
}

void sim_run_summary(const struct sim_run *run)
{
    struct sim_fleet_totals totals;
    /* With the truth on stdout the summary must not mix with it. */
    FILE *out = run->truth == stdout ? stderr : stdout;
    bool json = run->options->json;
    sim_fleet_totals(&totals, run->fleet);
    (json ? print_totals_json : print_totals)(run, out, &totals);
    print_links(run, out);
    if (json) {
        (void)fprintf(out, "}\n");
    }
}
