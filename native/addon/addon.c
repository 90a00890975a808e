#include "functions.h"

/* No state is kept between calls, so every thread of Node may load the addon.  */
NAPI_MODULE_INIT ()
{
#define DESCRIBE(name) { #name, NULL, addon_##name, NULL, NULL, NULL, napi_enumerable, NULL },
  static const napi_property_descriptor functions[] = { ADDON_FUNCTIONS (DESCRIBE) };
#undef DESCRIBE

  if (napi_define_properties (env, exports, sizeof functions / sizeof *functions, functions)
      != napi_ok)
    return NULL;
  return exports;
}
