import RefrainData
import RefrainTasks

extension OptionFlags {
  /// Runs `body`; the errors that it throws name the flags that settle them, where there are such.
  func naming<Result>(_ body: () throws -> Result) throws -> Result {
    let flags = Set(Table.options.map(\.name))
    do {
      return try body()
    } catch let error as DataError {
      throw error.inFlags(of: flags)
    } catch let error as TaskError {
      throw error.inFlags(of: flags)
    }
  }
}

extension DataError {
  /// The same error, with the flags that settle it, where they are among those there are.
  fileprivate func inFlags(of flags: Set<String>) -> DataError {
    var error = self
    func or(_ text: String) -> String { remedy.map { "\($0), or \(text)" } ?? text }
    switch setting {
    case .decimal(let whole) where flags.contains("decimal"):
      let marks = whole == .comma ? (",", ".") : (".", ",")
      error.remedy = "--decimal \(marks.0) makes it the first, --decimal \(marks.1) the second"
    case .decimalComma where flags.contains("decimal"):
      error.remedy = or("say with --decimal , that commas stand before decimals")
    case .dates where flags.contains("dates"):
      error.remedy = "say the order with --dates dmy, --dates mdy or --dates ymd"
    case .time where flags.contains("time"):
      error.remedy = or("name the column of times with --time, or count the rows with --count-rows")
    case .spacing where flags.contains("aggregate"):
      error.remedy = or(
        step.map { "bring the rows together with --every, such as --every \($0), or count them with --count-rows" }
          ?? "count the rows with --count-rows")
    case .future where flags.contains("future"): error.remedy = "name those that it has with --future"
    case .id(let names) where flags.contains("id"):
      error.remedy =
        names.isEmpty
        ? or("name the columns that tell several series apart with --id")
        : or("choose one series with --only, or name other columns than \(names.joined(separator: ",")) with --id")
    case .repeatedTimes where flags.contains("aggregate"):
      error.remedy = or(
        (step.map { "bring the rows together with --every, such as --every \($0), or " } ?? "")
          + "name the columns that tell several series apart with --id")
    case .only(let name) where flags.contains("only"):
      error.remedy = "choose one with --only, such as --only \(name.shellWord)"
    case .fill where flags.contains("fill"):
      error.remedy = or("give --fill last, --fill linear or --fill zero")
    case .target where flags.contains("target"): error.remedy = "name it with --target"
    default: break
    }
    return error
  }
}

extension TaskError {
  /// The same error, with the flags that settle it, where they are among those there are.
  fileprivate func inFlags(of flags: Set<String>) -> TaskError {
    switch setting {
    case .sizes where flags.contains("horizon"):
      return TaskError(problem, remedy: "give more rows or a smaller --horizon, --context or --backtest")
    case .horizons where flags.contains("horizon"):
      return TaskError(problem, remedy: "give more rows or a smaller --horizon or --backtest")
    case .labels where flags.contains("labels"):
      return TaskError(problem, remedy: "name them with --labels, a JSON file of windows")
    case .covariates(let names) where flags.contains("past"):
      return TaskError(
        problem, remedy: names.isEmpty ? "leave out --past" : "give --past \(names.joined(separator: ","))")
    case .future where flags.contains("future"):
      return TaskError(
        problem,
        remedy: (remedy.map { $0 + ", " } ?? "") + "name a file with --future-file, or give a smaller --horizon")
    default: return self
    }
  }
}
