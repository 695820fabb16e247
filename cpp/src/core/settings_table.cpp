#include "twincert/core/settings_table.hpp"

#include <sstream>

#include "twincert/core/error.hpp"

namespace twincert::core {

void check_setting(const SettingInfo& info, double value) {
  if (value >= info.minimum && value <= info.maximum) return;  // false for NaN
  std::ostringstream message;
  message << "setting '" << info.name << "': expected a value in [" << info.minimum << ", " << info.maximum << "], found " << value;
  throw SettingsError(message.str());
}

}  // namespace twincert::core
