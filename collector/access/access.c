/*
 * access: which role may use which class of routes.
 */
#include "dogwatch/collect/access.h"

static const struct {
    const char *name, *doc;
} roles[] = {
#define ROLE(name, doc) {#name, doc},
#include "dogwatch/tbl/roles.h"
#undef ROLE
};

#define MAY(role) (1u << DW_ROLE_##role)
static const struct {
    unsigned roles;
    const char *doc;
} classes[] = {
#define ACCESS(name, roles, doc) {roles, doc},
#include "dogwatch/tbl/access_classes.h"
#undef ACCESS
};

const char *dw_role_name(enum dw_role r)
{
    DW_ASSERT(r < DW_ROLES);
    return roles[r].name;
}

const char *dw_role_doc(enum dw_role r)
{
    DW_ASSERT(r < DW_ROLES);
    return roles[r].doc;
}

bool dw_role_find(struct dw_str name, enum dw_role *ret)
{
    for (unsigned r = 0; r < DW_ROLES; r++) {
        if (!dw_str_eq(name, dw_str_of(roles[r].name)))
            continue;
        *ret = (enum dw_role)r;
        return true;
    }
    return false;
}

const char *dw_access_doc(enum dw_access a)
{
    DW_ASSERT(a < DW_ACCESSES);
    return classes[a].doc;
}

bool dw_access_allows(enum dw_access a, enum dw_role r)
{
    DW_ASSERT(a < DW_ACCESSES && r < DW_ROLES);
    return classes[a].roles >> r & 1u;
}
