import RefrainData

/// The error that `body` throws; nil where it throws none.
public func dataError<Result>(_ body: () throws(DataError) -> Result) -> DataError? {
  do throws(DataError) {
    _ = try body()
    return nil
  } catch {
    return error
  }
}
