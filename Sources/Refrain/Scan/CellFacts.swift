/// Facts about a cell for people: nothing is computed from them, and a cell that gives none is complete.
public protocol CellFacts {
  /// Where the formula comes from: authors and year; empty unless the cell says so.
  static var source: String { get }
  /// The purpose in a few words; empty unless the cell says so.
  static var purpose: String { get }
}

extension CellFacts {
  public static var source: String { "" }
  public static var purpose: String { "" }
}
