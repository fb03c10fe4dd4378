import RefrainData

/// A long text as tokens, four bytes each: in memory, or where it is longer in a file without a name.
typealias TokenText = LongArray<Int32>

extension LongArray {
  /// Makes sure that everything could be written, and read as far as it was asked for.
  ///
  /// - Throws: That a file failed.
  func requireWhole() throws(TaskError) {
    do throws(DataError) { try check() } catch { throw TaskError(error) }
  }
}
