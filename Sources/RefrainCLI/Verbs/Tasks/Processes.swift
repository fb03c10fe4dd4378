import Refrain
import RefrainData
import RefrainFoundation
import Synchronization

#if MPI
  import RefrainMPI
#endif

/// The processes that `mpirun`, or another launcher of MPI, has started with this one to train a model together, or to
/// answer many examples: the first of them speaks and writes.
enum Processes {
  private struct Joined {
    var group: (any TrainingGroup)?
    /// The checkpoints from which a training that one of them ends is gone on with.
    var folder: String?
    /// Whether they train; else they answer, and meet at the end, whatever happened to one of them.
    var areTraining = false
  }

  /// Those that were joined.
  private static let joined = Mutex(Joined())

  static var group: (any TrainingGroup)? { joined.withLock { $0.group } }
  static var isFirst: Bool { group?.isFirst ?? true }

  /// Whether no launcher has started another process before this one, be they joined or not.
  static var isFirstStarted: Bool { launched().rank == 0 }

  /// What the launchers of Open MPI, of MPICH and its kin, and of MVAPICH say: the number of processes, this one's
  /// place among them, and how many of them run on this machine.
  private static func launched(
    in environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> (count: Int, rank: Int, onMachine: Int) {
    func number(_ names: String...) -> Int? { names.lazy.compactMap { environment[$0].flatMap { Int($0) } }.first }
    return (
      number("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE") ?? 1,
      number("OMPI_COMM_WORLD_RANK", "PMI_RANK", "MV2_COMM_WORLD_RANK") ?? 0,
      number("OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS", "MV2_COMM_WORLD_LOCAL_SIZE") ?? 1
    )
  }

  /// Joins the processes that were started together to train, if this one is not alone.
  ///
  /// - Throws: ``CommandFailure`` in a build without MPI.
  static func join(for flags: TrainingFlags) throws {
    let count = launched().count
    guard count > 1, group == nil else { return }
    #if MPI
      try join(folder: flags.checkpoint ?? flags.resume, areTraining: true)
    #else
      throw CommandFailure(
        status: 64,
        message: "\(count) processes were started, and this refrain was built without MPI; build it by "
          + "'swift build -c release --traits MPI' with Open MPI or MPICH installed, or start it without mpirun")
    #endif
  }

  /// Joins the processes that were started together to answer, if this one is not alone. Where answers cannot be
  /// shared, or MPI is not there, the first process gives them alone, and the others end here.
  ///
  /// - Parameters:
  ///   - areShared: Whether each process can read what is to be answered, and its answers can be handed on.
  ///   - note: Told that MPI is not there.
  static func joinToAnswer(_ areShared: Bool, note: (String) -> Void) throws {
    let launched = launched()
    guard launched.count > 1, group == nil else { return }
    #if MPI
      if areShared { return try join(folder: nil, areTraining: false) }
    #else
      if areShared, launched.rank == 0 {
        note(
          "\(launched.count) processes were started, and this refrain was built without MPI: one answers alone.")
      }
    #endif
    if launched.rank > 0 { RefrainFoundation.exit(EXIT_SUCCESS) }
  }

  #if MPI
    private static func join(folder: String?, areTraining: Bool) throws {
      let group: MPIGroup
      do throws(TrainingError) { group = try MPIGroup() } catch {
        throw CommandFailure(status: 70, message: error.description)
      }
      joined.withLock { $0 = Joined(group: group, folder: folder, areTraining: areTraining) }
      // Processes that are not bound to cores of their own share those of the machine.
      let info = ProcessInfo.processInfo
      if info.environment["REFRAIN_THREADS"] == nil, info.activeProcessorCount >= info.processorCount {
        Parallelism.threads = max(1, Parallelism.threads / launched().onMachine)
      }
    }
  #endif

  /// Says who trains, and how to go on when one of them dies.
  static func introduce(_ note: (String) -> Void) {
    guard let group, group.isFirst else { return }
    let machines = (0..<group.count).map(group.machine(of:))
    let names = machines.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
    let shown = names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", …" : "")
    note("\(group.count) processes train together, on \(shown).\(advice.map { " If one of them dies, \($0)." } ?? "")")
  }

  private static var advice: String? {
    joined.withLock { $0.folder }.map { "go on with 'refrain train --resume \($0.sanitized)'" }
  }

  /// An error that all processes meet is told by the first, which ends the others meanwhile. One that is met before
  /// they join, and is not the first's, the process tells itself after a while, and ends with it: else the first would
  /// wait for it for ever.
  ///
  /// - Parameters:
  ///   - join: Whether the command joins them.
  ///   - status: What the process ends with; 0 where it tells no error but help, which the first does.
  static func leaveWordToFirst(thatJoin join: Bool, status: Int32) {
    if join, group == nil, !isFirstStarted {
      if status == EXIT_SUCCESS { RefrainFoundation.exit(status) }
      sleep(2)
    } else if !isFirst {
      sleep(1)
    }
  }

  /// What processes that answer do together before: where one of them ends in it, it ends the others.
  static func training<Value>(_ body: () throws -> Value) rethrows -> Value {
    joined.withLock { $0.areTraining = true }
    let value = try body()
    joined.withLock { $0.areTraining = false }
    return value
  }

  /// Leaves the other processes at the end of this one; after an error they end too.
  static func leave(status: Int32) {
    guard let group else { return }
    let areTraining = joined.withLock(\.areTraining)
    if status != 0, areTraining {
      let end = "\(group.name(of: group.rank)) has ended, and the training with it"
      StandardError.write(line: "refrain: \(end.sanitized)\(advice.map { "; \($0)" } ?? "")")
    }
    #if MPI
      (group as? MPIGroup)?.end(status: areTraining ? status : 0)
    #endif
  }
}
