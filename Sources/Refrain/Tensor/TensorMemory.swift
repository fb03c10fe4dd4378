/// The memory of all tensors of the process, without what is kept for the next ones.
///
/// Where there is none for a tensor, also when what was kept is given back, the process ends with one line on standard
/// error and status 71 (`EX_OSERR`).
public enum TensorMemory {
  /// The most address space that the process may take, for tensors and all else, in bytes (`ulimit -v`); nil where
  /// nothing limits it.
  package static var addressSpaceLimit: Int? { Refrain.addressSpaceLimit() }
  /// What tensors hold now, in bytes.
  public static var bytes: Int { BufferPool.shared.live * MemoryLayout<Float>.size }
  /// The most they held at a time since the start, or since ``resetPeak()``, in bytes.
  public static var peakBytes: Int { BufferPool.shared.highest * MemoryLayout<Float>.size }
  /// Lets ``peakBytes`` begin anew from what is held now.
  public static func resetPeak() { BufferPool.shared.forgetHighest() }

  /// Gives back memory that was kept for the next tensors and that none has wanted for ten to twenty seconds. It comes
  /// to pass by itself where tensors come and go; this is for a process that may have nothing to do for long.
  package static func giveBackUnwanted() { BufferPool.shared.age(at: monotonicSeconds()) }

  /// How many bytes tensors take at most while `body` runs, beyond what they held before.
  ///
  /// It is the same however busy the processors are: threads take turns, and what they take is counted as if all had
  /// run at once. For a process that computes nothing else meanwhile.
  package static func peak<Failure: Error>(of body: () throws(Failure) -> Void) throws(Failure) -> Int {
    let before = bytes
    resetPeak()
    Workers.shared.takeTurns(true)
    defer { Workers.shared.takeTurns(false) }
    try body()
    return peakBytes - before
  }
}
