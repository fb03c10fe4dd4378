import RefrainData

extension NumPyArchive: NamedArrays {}

extension StateDictionary: NamedArrays {
  /// The array of a name.
  ///
  /// - Throws: `wrongInput` where there is none.
  public func array(_ name: String) throws(DataError) -> NumericArray {
    guard let found = self[name] else { throw missing(name) }
    return found
  }
}
