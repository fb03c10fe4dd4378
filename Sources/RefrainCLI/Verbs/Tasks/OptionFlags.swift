import ArgumentParser
import RefrainTasks

/// The flags of a table of options, which a task declares without knowing of a command line.
///
/// Elsewhere property wrappers tell the parser of flags; here a mirror shows it one wrapper for each option.
struct OptionFlags<Table: OptionTable>: ParsableArguments, CustomReflectable {
  /// The texts that were given, by the option's name.
  private(set) var given: [String: [String]] = [:]

  init() {}

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    for option in Table.options {
      let key = Key(option.key)
      switch option.kind {
      case .flag:
        if try container.decode(Flag<Bool>.self, forKey: key).wrappedValue { given[option.name] = [] }
      case .value:
        if let text = try container.decode(Option<String?>.self, forKey: key).wrappedValue {
          given[option.name] = [text]
        }
      case .values:
        let texts = try container.decode(Option<[String]>.self, forKey: key).wrappedValue
        if !texts.isEmpty { given[option.name] = texts }
      }
    }
  }

  var customMirror: Mirror {
    Mirror(self, children: Table.options.map { (label: "_" + $0.key, value: $0.wrapper) })
  }

  /// The options as they are typed, of those that were given.
  ///
  /// - Parameter choosesData: Whether they say which of the data are taken; nil for both kinds.
  func flags(choosingData choosesData: Bool? = nil) -> [String] {
    Table.options
      .filter { given[$0.name] != nil && $0.choosesData == choosesData ?? $0.choosesData }.map { "--" + $0.name }
  }

  /// The files that the options name, besides those that are learned from.
  var files: [String] { Table.options.filter { $0.valueName == "file" }.flatMap { given[$0.name] ?? [] } }

  /// What the options say.
  ///
  /// - Throws: `ValidationError` for one whose text makes no sense.
  func table() throws -> Table {
    do throws(OptionError) { return try Table(given) } catch { throw error.ofFlag }
  }

  func validate() throws { _ = try table() }

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(_ text: String) { stringValue = text }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}

extension OptionFlags {
  /// Stops at a change of examples that does not fit the task.
  ///
  /// - Throws: `ValidationError` that says which do.
  func check<Task: TaskModel>() throws where Table == TaskRegularization<Task> {
    let values = try table().values
    do throws(OptionError) { try values.check(for: Task.self) } catch { throw error.ofFlag }
  }
}

extension OptionError {
  /// The error as one of the flag's.
  var ofFlag: ValidationError { ValidationError("--\(option) \(problem)" + (problem.hasSuffix("?") ? "" : ".")) }
}

extension TaskOption {
  /// What the parser calls it within, which may not hold a `-`.
  fileprivate var key: String { name.replacing("-", with: "_") }

  /// What the parser is told of it.
  fileprivate var wrapper: Any {
    let help = ArgumentHelp(stringLiteral: help)
    var valued = help
    if !valueName.isEmpty { valued.valueName = valueName }
    let long = NameSpecification.customLong(name)
    return switch kind {
    case .flag: Flag(wrappedValue: false, name: long, help: help)
    // A value may begin with a minus sign, and is refused with its own message.
    case .value: Option<String?>(name: long, parsing: .unconditional, help: valued)
    case .values: Option<[String]>(wrappedValue: [], name: long, parsing: .upToNextOption, help: valued)
    }
  }
}
