// One table declares each setting once: name, type, default, range, unit and a sentence. Structs, Python keywords, command-line
// flags, documentation and JSON derive from it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace twincert::core {

// A row of a settings table as data, for bindings and documentation.
struct SettingInfo {
  std::string name;
  std::string type;  // "int", "float" or "bool"
  double default_value;
  double minimum;
  double maximum;
  std::string description;
};

// Throws SettingsError naming the setting, its range and the value found.
void check_setting(const SettingInfo& info, double value);

}  // namespace twincert::core
