#include "twincert/solver/settings.hpp"

#include <type_traits>

namespace twincert::solver {

const std::vector<core::SettingInfo>& settings_table() {
  static const std::vector<core::SettingInfo> table = {
#define TWINCERT_ROW(type, name, value, minimum, maximum, description) \
  core::SettingInfo{#name,                                             \
                    std::is_same_v<type, bool> ? "bool"                \
                    : std::is_integral_v<type> ? "int"                 \
                                               : "float",              \
                    static_cast<double>(value),                        \
                    static_cast<double>(minimum),                      \
                    static_cast<double>(maximum),                      \
                    description},
      TWINCERT_SETTINGS(TWINCERT_ROW)
#undef TWINCERT_ROW
  };
  return table;
}

void Settings::validate() const {
  std::size_t row = 0;
#define TWINCERT_CHECK(type, name, value, minimum, maximum, description) \
  core::check_setting(settings_table()[row++], static_cast<double>(name));
  TWINCERT_SETTINGS(TWINCERT_CHECK)
#undef TWINCERT_CHECK
}

}  // namespace twincert::solver
