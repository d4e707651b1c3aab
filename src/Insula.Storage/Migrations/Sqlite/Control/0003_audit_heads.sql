-- The last number of each trail, so that both engines take the next one in the same way.
create table audit_heads (
  trail text not null primary key,
  seq bigint not null
);

insert into audit_heads (trail, seq) select trail, max(seq) from audit group by trail;
