/* A vector's fields through the setters of C. */
#ifndef FIELDS_H
#define FIELDS_H
#include "support.h"
#include "vectors_types.h"

/* 0: this face's types have no room for such a value, so nobody can pass it. */
static int set_field(cor_update *u, const struct vector_field *f) {
  const char *v = f->value, *tag = f->tag;
#define NAMED(x) (strcmp(f->field, #x) == 0)
#define TAG(x) (strcmp(tag, #x) == 0)
  if (TAG(cell)) return cor_update_set_cell(u, f->field, v), 1;
  if (TAG(clear)) {
    for (int32_t field = 1; cor_field_name(field); field++)
      if (strcmp(cor_field_name(field), f->field) == 0) return cor_update_clear(u, field), 1;
    return 0;
  }
#define TEXT(x) if (NAMED(x)) return TAG(text) ? (cor_update_set_##x(u, v), 1) : 0;
#define DATE(x) \
  if (NAMED(x) && TAG(text)) return cor_update_set_##x(u, v), 1; \
  if (NAMED(x) && TAG(date)) return cor_update_set_##x##_ymd(u, atoi(v), atoi(v + 5), atoi(v + 8)), 1; \
  if (NAMED(x)) return 0;
#define NUMBER(x) \
  if (NAMED(x) && TAG(integer)) return cor_update_set_##x##_int(u, strtoll(v, NULL, 10)), 1; \
  if (NAMED(x) && TAG(decimal)) return cor_update_set_##x##_decimal(u, v), 1; \
  if (NAMED(x) && TAG(float)) return cor_update_set_##x##_double(u, strtod(v, NULL)), 1; \
  if (NAMED(x)) return 0;
#define BOOLEAN(x) if (NAMED(x)) return TAG(boolean) ? (cor_update_set_##x(u, strcmp(v, "true") == 0), 1) : 0;
#define INCOME_TYPE(x) \
  if (NAMED(x) && TAG(text)) return cor_update_set_##x(u, v), 1; \
  if (NAMED(x) && TAG(income_type)) return cor_update_set_##x##_other(u, v), 1;
  /* fields:setters, generated from crates/cor-core/src/field_table.rs; do not edit, run make fields */
  TEXT(name)
  TEXT(client_id)
  TEXT(brief)
  DATE(start)
  DATE(end)
  TEXT(pm_id)
  NUMBER(estimated_time)
  BOOLEAN(billable)
  TEXT(status)
  TEXT(currency_id)
  DATE(evaluation_date)
  NUMBER(estimated)
  TEXT(fee_id)
  TEXT(contract_id)
  TEXT(deliverables)
  TEXT(work_order)
  INCOME_TYPE(income_type)
  BOOLEAN(archived)
  /* fields:end */
  /* A name that is no field: setters by name are those of cells. */
  return TAG(text) ? (cor_update_set_cell(u, f->field, v), 1) : 0;
}

/* A project's field as text; NULL where there is none. */
static const char *get_field(const cor_project *p, const char *name) {
  static char buffer[32];
  int64_t number;
  bool yes;
#define INTEGER(x) \
  if (strcmp(name, #x) == 0) \
    return cor_project_##x(p, &number) ? (snprintf(buffer, sizeof buffer, "%lld", (long long)number), buffer) : NULL;
#define WORD(x) if (strcmp(name, #x) == 0) return cor_project_##x(p);
#define YES(x) if (strcmp(name, #x) == 0) return cor_project_##x(p, &yes) ? (yes ? "true" : "false") : NULL;
  INTEGER(id) INTEGER(client_id) INTEGER(pm_id) INTEGER(contract_id) INTEGER(company_id) INTEGER(health)
  WORD(name) WORD(brief) WORD(start) WORD(end) WORD(estimated_time) WORD(status) WORD(estimated) WORD(work_order)
  WORD(elapsed_time) WORD(total_estimated) WORD(created_at) WORD(updated_at) YES(billable) YES(archived)
  return "no such getter";
}
#undef NAMED
#undef TAG
#undef TEXT
#undef DATE
#undef NUMBER
#undef BOOLEAN
#undef INCOME_TYPE
#undef INTEGER
#undef WORD
#undef YES
#endif
