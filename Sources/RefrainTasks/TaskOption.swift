import RefrainData

/// One thing that a user may decide: a flag on the command line, a field of a request.
public struct TaskOption<Target: Sendable>: Sendable {
  /// How many texts it takes.
  public enum Kind: Sendable {
    /// None: it is given or not.
    case flag
    /// One.
    case value
    /// One or more.
    case values
  }

  /// Its name in small letters, words joined by `-`, such as `horizon`: `--horizon` on the command line.
  public let name: String
  /// How many texts it takes.
  public let kind: Kind
  /// What stands for its value in help, such as `n`.
  public let valueName: String
  /// A sentence of help, with what holds when it is not given.
  public let help: String
  /// Whether it says which of the data are taken, such as a column.
  public let choosesData: Bool
  /// Whether it says what of the data is read, or how: it is settled before there are examples, so that the same
  /// examples cannot be trained on with several values of it.
  public private(set) var isOfReading: Bool
  /// Whether it changes what a training is measured by, so that trainings with several values of it cannot be compared.
  public private(set) var isOfMeasure = false
  /// Puts the texts where they belong; ``OptionError`` when they make no sense.
  let set: @Sendable (inout Target, [String]) throws(OptionError) -> Void

  /// An option of one's own.
  ///
  /// - Parameter set: Puts the texts where they belong.
  public init(
    _ name: String, _ kind: Kind, valueName: String = "", choosesData: Bool = false, help: String,
    set: @escaping @Sendable (inout Target, [String]) throws(OptionError) -> Void
  ) {
    self.name = name
    self.kind = kind
    self.valueName = valueName
    self.help = help
    self.choosesData = choosesData
    isOfReading = choosesData
    self.set = set
  }

  /// The same option, as one that says what of the data is read, or how.
  public func ofReading() -> TaskOption {
    var option = self
    option.isOfReading = true
    return option
  }

  /// The same option, as one that changes what a training is measured by.
  public func ofMeasure() -> TaskOption {
    var option = self
    option.isOfMeasure = true
    return option
  }

  /// The option of a table that is a part of another.
  public func within<Whole>(_ place: WritableKeyPath<Whole, Target> & Sendable) -> TaskOption<Whole> {
    let kind: TaskOption<Whole>.Kind =
      switch kind {
      case .flag: .flag
      case .value: .value
      case .values: .values
      }
    var option = TaskOption<Whole>(name, kind, valueName: valueName, choosesData: choosesData, help: help) {
      whole, texts throws(OptionError) in try set(&whole[keyPath: place], texts)
    }
    (option.isOfReading, option.isOfMeasure) = (isOfReading, isOfMeasure)
    return option
  }

  /// A whole number within bounds, which keep a slip of the finger from asking for more memory than there is.
  public static func count(
    _ name: String, _ place: WritableKeyPath<Target, Int?> & Sendable, in range: ClosedRange<Int>, help: String
  ) -> TaskOption {
    TaskOption(name, .value, valueName: "n", help: help) { target, texts throws(OptionError) in
      target[keyPath: place] = try wholeNumber(texts[0], of: name, in: range)
    }
  }

  /// The name of a column.
  public static func column(
    _ name: String, _ place: WritableKeyPath<Target, String?> & Sendable, help: String
  ) -> TaskOption {
    TaskOption(name, .value, valueName: "column", choosesData: true, help: help) { target, texts in
      target[keyPath: place] = texts[0]
    }
  }

  /// Names of columns between commas: `temperature,holiday`. Those that have commas themselves are put together where
  /// the columns are known.
  public static func columns(
    _ name: String, _ place: WritableKeyPath<Target, [String]> & Sendable, help: String
  ) -> TaskOption {
    TaskOption(name, .value, valueName: "a,b", choosesData: true, help: help) { target, texts throws(OptionError) in
      let names = texts[0].listedNames
      guard !names.contains("") else {
        throw OptionError(option: name, "takes names between commas, such as a,b, not \(texts[0].quoted)")
      }
      target[keyPath: place] = names
    }
  }

  /// One of several words.
  public static func choice<Value: Sendable>(
    _ name: String, _ place: WritableKeyPath<Target, Value?> & Sendable, of values: [(String, Value)],
    valueName: String, help: String
  ) -> TaskOption {
    TaskOption(name, .value, valueName: valueName, help: help) { target, texts throws(OptionError) in
      target[keyPath: place] = try chosen(texts[0], of: values, option: name)
    }
  }

  /// The value that a word stands for.
  ///
  /// - Throws: ``OptionError`` when it stands for none.
  static func chosen<Value>(_ text: String, of values: [(String, Value)], option: String) throws(OptionError) -> Value {
    if let value = values.first(where: { $0.0 == text.lowercased() }) { return value.1 }
    throw OptionError(
      option: option, "takes \(values.map { $0.0.quoted }.joined(separator: ", ")), not \(text.quoted)")
  }

  /// A text.
  ///
  /// - Parameter choosesData: Whether it says which of the data are taken, such as a file of examples.
  public static func text(
    _ name: String, _ place: WritableKeyPath<Target, String?> & Sendable, valueName: String = "text",
    choosesData: Bool = false, help: String
  ) -> TaskOption {
    TaskOption(name, .value, valueName: valueName, choosesData: choosesData, help: help) { target, texts in
      target[keyPath: place] = texts[0]
    }
  }

  /// A number within bounds.
  static func decimal<Number: BinaryFloatingPoint & LosslessStringConvertible & Sendable>(
    _ name: String, _ place: WritableKeyPath<Target, Number?> & Sendable, in range: ClosedRange<Number>,
    valueName: String = "x", help: String
  ) -> TaskOption {
    TaskOption(name, .value, valueName: valueName, help: help) { target, texts throws(OptionError) in
      guard let value = Number(texts[0]), value.isFinite else {
        throw OptionError(option: name, "takes a number, not \(texts[0].quoted)")
      }
      guard range.contains(value) else {
        throw OptionError(
          option: name, "must be from \(range.lowerBound) to \(range.upperBound), not \(texts[0].quoted)")
      }
      target[keyPath: place] = value
    }
  }

  /// One or more files.
  static func files(
    _ name: String, _ place: WritableKeyPath<Target, [String]> & Sendable, help: String
  ) -> TaskOption {
    TaskOption(name, .values, valueName: "file", choosesData: true, help: help) { target, texts in
      target[keyPath: place] = texts
    }
  }
}

/// The whole number that a text says.
///
/// - Throws: ``OptionError`` when it says none, or one out of bounds.
private func wholeNumber(_ text: String, of option: String, in range: ClosedRange<Int>) throws(OptionError) -> Int {
  guard let number = Int(text) else {
    throw OptionError(option: option, "takes a whole number, not \(text.quoted)")
  }
  guard range.contains(number) else {
    let bound = number < range.lowerBound ? "at least \(range.lowerBound)" : "at most \(range.upperBound)"
    throw OptionError(option: option, "must be \(bound), not \(number)")
  }
  return number
}
