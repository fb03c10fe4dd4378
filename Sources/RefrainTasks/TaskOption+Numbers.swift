import RefrainData

extension TaskOption {
  /// What stands before the decimals of numbers in tables.
  static func decimalMark(_ place: WritableKeyPath<Target, DecimalMark?> & Sendable, help: String) -> TaskOption {
    .choice("decimal", place, of: DecimalMark.words, valueName: "mark", help: help)
  }

  /// What groups the thousands of numbers in tables.
  ///
  /// - Parameter decimal: What stands before decimals, which must be another.
  static func thousandsMark(
    _ place: WritableKeyPath<Target, DecimalMark?> & Sendable,
    decimal: WritableKeyPath<Target, DecimalMark?> & Sendable, help: String
  ) -> TaskOption {
    TaskOption("thousands", .value, valueName: "mark", help: help) { target, texts throws(OptionError) in
      let mark = try chosen(texts[0], of: DecimalMark.words, option: "thousands")
      guard target[keyPath: decimal] != mark else {
        throw OptionError(option: "decimal", "and --thousands cannot be the same mark")
      }
      target[keyPath: place] = mark
    }
  }
}

extension DecimalMark {
  /// The words for them.
  fileprivate static let words: [(String, DecimalMark)] = [
    (".", .point), (",", .comma), ("point", .point), ("comma", .comma),
  ]

  /// The other of the two.
  var other: DecimalMark { self == .comma ? .point : .comma }
}
