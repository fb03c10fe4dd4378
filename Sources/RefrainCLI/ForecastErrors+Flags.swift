import RefrainData
import RefrainTasks

extension DataError {
  /// The same error, with the flags that settle it.
  var inFlags: DataError {
    var error = self
    func or(_ flags: String) -> String { remedy.map { "\($0), or \(flags)" } ?? flags }
    switch setting {
    case nil: break
    case .decimal(let whole):
      let marks = whole == .comma ? (",", ".") : (".", ",")
      error.remedy = "--decimal \(marks.0) makes it the first, --decimal \(marks.1) the second"
    case .dates: error.remedy = "say the order with --dates dmy, --dates mdy or --dates ymd"
    case .time: error.remedy = or("name the column of times with --time, or count the rows with --count-rows")
    case .id(let names):
      error.remedy =
        names.isEmpty
        ? or("name the columns that tell several series apart with --id")
        : or("choose one series with --only, or name other columns than \(names.joined(separator: ",")) with --id")
    case .fill: error.remedy = or("give --fill previous, --fill linear or --fill zero")
    }
    return error
  }
}

extension ForecastError {
  /// The same error, with the flags that settle it.
  var inFlags: ForecastError {
    switch setting {
    case nil: return self
    case .sizes:
      return ForecastError(problem, remedy: "give more rows or a smaller --horizon, --context or --backtest")
    case .covariates(let names):
      return ForecastError(
        problem, remedy: names.isEmpty ? "leave out --covariates" : "give --covariates \(names.joined(separator: ","))")
    }
  }
}
